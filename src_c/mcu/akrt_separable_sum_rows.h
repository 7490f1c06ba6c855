#ifndef AKRT_SEPARABLE_SUM_ROWS_H
#define AKRT_SEPARABLE_SUM_ROWS_H
#include "akrt_level_bisect.h"
#include "akrt_mid_rows.h"
#include "akrt_pwconv_rows.h"
#include "akrt_pwconv_start.h"
#include "akrt_saturate.h"

/* Sums of all filters, position by position, saturated at every addition. */
static void akrt_sum_rows_exact(const akrt_rows_layer *layer, const uint8_t *input, int32_t *mid,
                                uint32_t *ring, uint32_t *start, int32_t *sums) {
    memset(sums, 0, (size_t)layer->pairs * 2 * sizeof *sums);
    for (int32_t x = 0; x < layer->rows; x++) {
        const uint32_t *weights = layer->weights;
        akrt_mid_rows(layer, input, x, ring, mid);
        akrt_pwconv_start(layer, mid, start);
        for (int32_t p = 0; p < layer->pairs; p++) {
            int32_t even[AKRT_ROW_WIDTH], odd[AKRT_ROW_WIDTH];
            akrt_pwconv_rows(layer, mid, start, weights, even, odd);
            for (int32_t y = 0; y < layer->width; y++) {
                sums[2 * p] = akrt_saturate(sums[2 * p] + even[y]);
                sums[2 * p + 1] = akrt_saturate(sums[2 * p + 1] + odd[y]);
            }
            weights += layer->channels >> 2;
        }
    }
}

/* Sums of all filters from the sums of the depthwise results, or 0 where one of them might have
 * saturated on the way.
 *
 * With P and N the sums of the positive and of the negative parts of a channel's results, no
 * partial sum of a filter leaves [-(P w- + N w+), P w+ + N w-] summed over the channels, w+ and w-
 * being the parts of its weights. In terms of total = P - N and reach = P + N both ends are within
 * 20 bits if (reach |w|) + |total w| is at most twice the largest potential. */
static int akrt_sum_rows_collapsed(const akrt_rows_layer *layer, const int32_t *total,
                                   const int32_t *reach, int32_t *sums) {
    const uint32_t *weights = layer->weights;
    for (int32_t p = 0; p < layer->pairs; p++) {
        int32_t even = 0, odd = 0, even_reach = 0, odd_reach = 0;
        for (int32_t c = 0; c < layer->channels; c += 4) {
            uint32_t word = *weights++;
            for (int32_t i = c; i < c + 4; i++) {
                const int32_t v = (int32_t)(word & 15u) - 8, w = (int32_t)(word >> 16 & 15u) - 8;
                even += total[i] * v;
                odd += total[i] * w;
                even_reach += reach[i] * (v < 0 ? -v : v);
                odd_reach += reach[i] * (w < 0 ? -w : w);
                word >>= 4;
            }
        }
        sums[2 * p] = even;
        sums[2 * p + 1] = odd;
        if (even_reach + (even < 0 ? -even : even) > 2 * AKRT_POTENTIAL_MAX ||
            odd_reach + (odd < 0 ? -odd : odd) > 2 * AKRT_POTENTIAL_MAX) {
            return 0;
        }
    }
    return 1;
}

/* A separable layer with global average pooling, rows to bytes, or to int32 without activation.
 * scratch: 13 * channels + 2 * pairs words. */
static void akrt_separable_sum_rows(const akrt_rows_layer *layer, const uint8_t *input,
                                    void *output, int32_t *scratch) {
    int32_t *mid = scratch;
    int32_t *total = mid + 11 * layer->channels, *reach = total + layer->channels;
    int32_t *sums = reach + layer->channels;
    uint32_t *ring = (uint32_t *)(mid + AKRT_ROW_WIDTH * layer->channels);
    memset(total, 0, (size_t)layer->channels * 2 * sizeof *total);
    for (int32_t x = 0; x < layer->rows; x++) {
        const int32_t *value = mid;
        akrt_mid_rows(layer, input, x, ring, mid);
        for (int32_t c = 0; c < layer->channels; c++) {
            const int32_t *const end = value + layer->width;
            int32_t sum = total[c], size = reach[c];
            do {
                const int32_t v = *value++;
                sum += v;
                size += v < 0 ? -v : v;
            } while (value < end);
            total[c] = sum;
            reach[c] = size;
            value += AKRT_ROW_WIDTH - layer->width;
        }
    }
    if (!akrt_sum_rows_collapsed(layer, total, reach, sums)) {
        akrt_sum_rows_exact(layer, input, mid, ring, (uint32_t *)total, sums);
    }
    for (int32_t f = 0; f < layer->filters; f++) {
        if (layer->act_bits == 0) {
            ((int32_t *)output)[f] = sums[f];
        } else {
            ((uint8_t *)output)[f] =
                (uint8_t)akrt_level_bisect(sums[f], layer->requant[f], layer->act_bits);
        }
    }
}
#endif
