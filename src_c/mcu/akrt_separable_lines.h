#ifndef AKRT_SEPARABLE_LINES_H
#define AKRT_SEPARABLE_LINES_H
#include "akrt_lines.h"
#if AKRT_MVE
#include "akrt_separable_lines_mve.h"
#endif
#if !AKRT_MVE
#include "akrt_depthwise_lines.h"
#include "akrt_emit.h"
/* A separable convolution with weights of at most 4 bits, a line of the output at a time.
 * Pointwise weights are biased to 0..15. scratch: AKRT_SEPARABLE_LINES_SCRATCH_WORDS, `groups` of
 * `row_bytes` channels each, or 0. */
#define AKRT_MID_BYTES(channels)                                                                   \
    (AKRT_RUN * AKRT_MID_CHANNELS(channels) * (int32_t)sizeof(akrt_mid))
#define AKRT_SEPARABLE_LINES_SCRATCH_WORDS(channels, size_x, size_y, stride_y, groups)             \
    (AKRT_MID_BYTES(channels) / 4 + (size_x)*AKRT_RUN_COLUMNS(size_y, stride_y) +                  \
     AKRT_RUN * (8 + (int32_t)(groups)))

#if AKRT_DSP
/* Weights are (filters, 8 channels) in a word: the even channels in nibbles 0 to 3, the odd ones in
 * 4 to 7. */
#define AKRT_POINTWISE_PAIR(at, bits)                                                              \
    do {                                                                                           \
        const uint32_t u = word >> (bits)&0x000f000fu;                                             \
        s0 = akrt_smlad(a[at], u, s0);                                                             \
        s1 = akrt_smlad(a[(at) + 1], u, s1);                                                       \
        s2 = akrt_smlad(a[(at) + 2], u, s2);                                                       \
        s3 = akrt_smlad(a[(at) + 3], u, s3);                                                       \
        s4 = akrt_smlad(a[(at) + 4], u, s4);                                                       \
        s5 = akrt_smlad(a[(at) + 5], u, s5);                                                       \
    } while (0)
/* Sums of a run for one filter over groups of eight channels, from `start`. */
AKRT_IN_ORDER static void akrt_pointwise_eights(const uint32_t *a, const uint32_t *weights,
                                                int32_t eights, const int32_t *start,
                                                int32_t *sums) {
    const uint32_t *const end = weights + eights;
    int32_t s0 = start[0], s1 = start[1], s2 = start[2], s3 = start[3], s4 = start[4];
    int32_t s5 = start[5];
    do {
        const uint32_t word = *weights++;
        AKRT_POINTWISE_PAIR(0, 0);
        AKRT_POINTWISE_PAIR(6, 4);
        AKRT_POINTWISE_PAIR(12, 8);
        AKRT_POINTWISE_PAIR(18, 12);
        a += 24;
    } while (weights != end);
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = s4;
    sums[5] = s5;
}
#undef AKRT_POINTWISE_PAIR

static void akrt_pointwise_run(const akrt_mcu_layer *layer, const akrt_mid *mid, int32_t y,
                               int32_t count, int32_t *scratch, void *target) {
    const int32_t eights = AKRT_MID_CHANNELS(layer->conv.channels) >> 3;
    const uint32_t *const pairs = (const uint32_t *)(const void *)mid;
    const uint32_t *weights = (const uint32_t *)layer->weights;
    int32_t start[AKRT_RUN] = {0, 0, 0, 0, 0, 0};
    int32_t done = 0;
    for (int32_t k = 0; k < 4 * AKRT_RUN * eights; k += AKRT_RUN) {
        for (int32_t p = 0; p < AKRT_RUN; p++) {
            start[p] = akrt_smlad(pairs[k + p], 0x00010001u, start[p]);
        }
    }
    for (int32_t p = 0; p < AKRT_RUN; p++) {
        start[p] *= -8;
    }
    for (int32_t first = 0; first < layer->filters; first += 8) {
        const int32_t some = layer->filters - first < 8 ? layer->filters - first : 8;
        for (int32_t f = 0; f < some; f++) {
            int32_t sums[AKRT_RUN];
            akrt_pointwise_eights(pairs, weights, eights, start, sums);
            for (int32_t p = 0; p < AKRT_RUN; p++) {
                scratch[8 * p + f] = sums[p];
            }
            weights += eights;
            AKRT_TICK_WORK(done, 8 * eights);
        }
        akrt_emit(layer, scratch, 8, first, some, y, count, target);
    }
}
#else
/* Weights are words: four channels of one filter, then of the next. Two filters share a
 * multiplication where over `row_bytes` channels both sums fit 16 bits, which the exporter has
 * proven: starting from -8 times the sum of depthwise results the word is sum0 + sum1 * 2^16. Where
 * row_bytes is 0 they are multiplied apart. */
#define AKRT_SET_START(p) s##p = start[p];
#define AKRT_ADD_CHANNEL(p) s##p += (uint32_t)a[p] * u;
#define AKRT_PUT_BOTH(p)                                                                           \
    to[(p)*filters] += (int16_t)(s##p & 0xffffu);                                                  \
    to[(p)*filters + 1] += (int32_t)(s##p + 0x8000u) >> 16;
AKRT_IN_ORDER static void akrt_pointwise_quads(const akrt_mid *a, const uint32_t *weights,
                                               int32_t quads, const uint32_t *start,
                                               int32_t filters, int32_t *to) {
    const uint32_t *const end = weights + quads;
    uint32_t s0, s1, s2, s3;
#if AKRT_RUN > 4
    uint32_t s4, s5;
#endif
    AKRT_RUN_EACH(AKRT_SET_START)
    do {
        uint32_t word = *weights++;
        for (int32_t k = 0; k < 4; k++) {
            const uint32_t u = word & 0x000f000fu;
            AKRT_RUN_EACH(AKRT_ADD_CHANNEL)
            word >>= 4;
            a += AKRT_RUN;
        }
    } while (weights != end);
    AKRT_RUN_EACH(AKRT_PUT_BOTH)
}
#undef AKRT_SET_START
#undef AKRT_ADD_CHANNEL
#undef AKRT_PUT_BOTH

/* The same where sums leave 16 bits. */
static void akrt_pointwise_apart(const akrt_mid *a, const uint32_t *weights, int32_t quads,
                                 int32_t *to) {
    int32_t even = 0, odd = 0;
    for (int32_t q = 0; q < quads; q++) {
        uint32_t word = weights[q];
        for (int32_t k = 0; k < 4; k++) {
            even += *a * ((int32_t)(word & 15u) - 8);
            odd += *a * ((int32_t)(word >> 16 & 15u) - 8);
            word >>= 4;
            a += AKRT_RUN;
        }
    }
    to[0] = even;
    to[1] = odd;
}

static void akrt_pointwise_run(const akrt_mcu_layer *layer, const akrt_mid *mid, int32_t y,
                               int32_t count, int32_t *scratch, void *target) {
    const int32_t group = layer->row_bytes, channels = AKRT_MID_CHANNELS(layer->conv.channels);
    const int32_t quads = channels >> 2;
    const uint32_t *weights = (const uint32_t *)layer->weights;
    uint32_t *const starts = (uint32_t *)scratch + 8 * AKRT_RUN;
    uint32_t *start = starts;
    int32_t done = 0;
    for (int32_t c = 0; group > 0 && c < channels; c += group) {
        const int32_t end = channels - c < group ? channels : c + group;
        for (int32_t p = 0; p < AKRT_RUN; p++) {
            int32_t sum = 0;
            for (int32_t k = AKRT_RUN * c + p; k < AKRT_RUN * end; k += AKRT_RUN) {
                sum += mid[k];
            }
            *start++ = (uint32_t)sum * (0u - 8u * 65537u);
        }
    }
    for (int32_t first = 0; first < layer->filters; first += 8) {
        const int32_t some = layer->filters - first < 8 ? layer->filters - first : 8;
        memset(scratch, 0, 8 * AKRT_RUN * sizeof *scratch);
        for (int32_t f = 0; f < some; f += 2) {
            start = starts;
            for (int32_t c = 0; group > 0 && c < channels; c += group) {
                const int32_t many = channels - c < group ? channels - c : group;
                akrt_pointwise_quads(mid + c * AKRT_RUN, weights + (c >> 2), many >> 2, start, 8,
                                     scratch + f);
                start += AKRT_RUN;
            }
            for (int32_t p = 0; group == 0 && p < count; p++) {
                akrt_pointwise_apart(mid + p, weights, quads, scratch + 8 * p + f);
            }
            weights += quads;
            AKRT_TICK_WORK(done, channels);
        }
        akrt_emit(layer, scratch, 8, first, some, y, count, target);
    }
}
#endif

AKRT_LAYER static void akrt_separable_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                            void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t run = akrt_run_length(w->out_y);
    akrt_mid *const mid = (akrt_mid *)scratch;
    int32_t *const words = scratch + AKRT_MID_BYTES(w->channels) / 4;
    int32_t *const rest = words + w->size_x * AKRT_RUN_COLUMNS(w->size_y, w->stride_y);
    for (int32_t y = 0; y < w->out_y; y += run) {
        const int32_t count = w->out_y - y < run ? w->out_y - y : run;
        akrt_depthwise_run(layer, lines, y, (uint32_t *)words, mid);
        akrt_pointwise_run(layer, mid, y, count, rest, target);
        AKRT_TICK();
    }
}
#endif
#endif
