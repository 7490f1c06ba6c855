#include "core/akrt_collapsed.h"

#include <string.h>

/* Adds a tap's share of the depthwise sums, by its sign. */
static void add_parts(const int16_t *AKRT_RESTRICT taps, const int32_t *AKRT_RESTRICT seen,
                      int32_t channels, int32_t *AKRT_RESTRICT positive,
                      int32_t *AKRT_RESTRICT negative) {
    for (int32_t c = 0; c < channels; c++) {
        const int32_t sum = taps[c] * seen[c];
        positive[c] += sum > 0 ? sum : 0;
        negative[c] += sum < 0 ? -sum : 0;
    }
}

/* Sums as two 16-bit parts: low + (high << 15). */
static void split(const int32_t *sums, int32_t n, int16_t *low, int16_t *high) {
    for (int32_t i = 0; i < n; i++) {
        low[i] = (int16_t)(sums[i] & 0x7FFF);
        high[i] = (int16_t)((sums[i] - (sums[i] & 0x7FFF)) / 0x8000);
    }
}

size_t akrt_collapsed_elements(const akrt_window *w, const akrt_collapse *c) {
    const size_t taps = (size_t)w->size_x * (size_t)w->size_y;
    return 4 * (size_t)c->depth + 4 * (size_t)c->filters + taps * (size_t)w->channels;
}

/* The sum over all positions commutes with depthwise and pointwise product, except that it
 * saturates after every addition. Inputs are not negative: with P and N the parts of a channel's
 * depthwise sum that come from its positive and, negated, from its negative taps, no partial sum of
 * a filter exceeds up = P.max(w,0) + N.max(-w,0) nor falls below -down = -(N.max(w,0) +
 * P.max(-w,0)); where these stay within 20 bits nothing saturates and the sum is up - down. Since
 * up - down = (P - N).w and up + down = (P + N).|w|, two products do. */
int akrt_collapsed_sum(const akrt_kernels *kernels, const akrt_window *w, const akrt_collapse *c,
                       const uint8_t *input, int32_t *sums, int32_t *pooled) {
    const int32_t depth = c->depth, filters = c->filters;
    int32_t *positive = sums, *negative = sums + depth;
    int16_t *parts = (int16_t *)(void *)(sums + 2 * depth);
    int32_t *difference = sums + 4 * depth, *total = difference + 2 * filters;
    int32_t *seen = total + 2 * filters;
    kernels->akrt_window_sums_u8(w, input, seen);
    memset(sums, 0, 2 * (size_t)depth * sizeof *sums);
    for (int32_t tap = 0; tap < w->size_x * w->size_y; tap++) {
        const size_t at = (size_t)tap * (size_t)w->channels;
        add_parts(c->depthwise + at, seen + at, w->channels, positive, negative);
    }
    for (int32_t k = 0; k < depth; k++) {
        const int32_t p = positive[k], n = negative[k];
        positive[k] = p - n;
        negative[k] = p + n;
    }
    split(positive, depth, parts, parts + depth);
    split(negative, depth, parts + 2 * depth, parts + 3 * depth);
    kernels->akrt_matmul_s16s16(parts, c->weights, 2, depth, filters, difference);
    kernels->akrt_matmul_s16s16(parts + 2 * depth, c->magnitudes, 2, depth, filters, total);
    int32_t fits = 1;
    for (int32_t f = 0; f < filters; f++) {
        const int32_t sum = difference[f] + difference[filters + f] * 0x8000;
        const int32_t both = total[f] + total[filters + f] * 0x8000;
        fits &= ((both + sum) / 2 <= AKRT_POTENTIAL_MAX) & ((sum - both) / 2 >= AKRT_POTENTIAL_MIN);
        pooled[f] = sum;
    }
    return fits;
}
