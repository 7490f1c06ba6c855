#ifndef AKRT_SEPARABLE_LINES_H
#define AKRT_SEPARABLE_LINES_H
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

#if !AKRT_DSP
#include "akrt_pointwise_halves.h"
#endif

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
