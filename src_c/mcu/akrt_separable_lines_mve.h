#ifndef AKRT_SEPARABLE_LINES_MVE_H
#define AKRT_SEPARABLE_LINES_MVE_H
#include "akrt_depthwise_lines_mve.h"
#include "akrt_emit_mve.h"
#include "akrt_tick.h"
#include "akrt_vector_bytes.h"
#include "akrt_vector_halves.h"
#if AKRT_MVE
/* A separable convolution with weights of at most 4 bits, a line of the output at a time, two
 * positions at once. Pointwise weights are those of akrt_vector_halves; of at most eight channels,
 * those of akrt_vector_bytes: 16 times the weight for the high parts, then for the low ones.
 * scratch: AKRT_SEPARABLE_LINES_SCRATCH_WORDS. */
#define AKRT_POINTWISE_GROUPS(words)                                                               \
    ((words) < 4 ? 8 : 12 * AKRT_MID_VECTORS(words)) /* at once                                    \
                                                      */
#define AKRT_SEPARABLE_LINES_SCRATCH_WORDS(channels, size_x, size_y, stride_y, groups)             \
    (((size_x) * (size_y) > AKRT_MID_TAPS ? 2 : 1) *                                               \
         (AKRT_MID_BYTES(AKRT_LINE_WORDS(channels)) >> 2) +                                        \
     AKRT_POINTWISE_GROUPS(AKRT_LINE_WORDS(channels)) * AKRT_GROUP_SUMS)

/* Adds the products of two positions to the sums of `groups` of filters. */
static inline void akrt_pointwise_groups(int32_t words, const int8_t *mid, const uint8_t *weights,
                                         int32_t groups, int32_t *sums) {
    if (words == 1) {
        akrt_vector_bytes(mid, (const int8_t *)weights, 1, groups, sums);
    } else if (words == 2) {
        akrt_vector_halves(mid, weights, 1, groups, sums);
    } else {
        akrt_vector_more_halves(mid, weights, AKRT_MID_VECTORS(words), groups, sums);
    }
}

/* Two positions. upper: upper parts of the depthwise results, or NULL. */
static inline void akrt_pointwise_run(const akrt_mcu_layer *layer, int32_t words, const int8_t *mid,
                                      const int8_t *upper, int32_t y, int32_t count,
                                      const akrt_vector_lanes *to, int32_t *sums, void *target) {
    const int32_t bytes = words < 3 ? 32 << (words & 1) : 64 * AKRT_MID_VECTORS(words);
    const int32_t most = AKRT_POINTWISE_GROUPS(words);
    const uint8_t *weights = (const uint8_t *)layer->weights;
    akrt_vector_run run = {0, 0, y, count, 1, 1};
    int32_t left = AKRT_FILTER_GROUPS(layer->filters), done = 0;
    do {
        run.groups = left < most ? left : most;
        akrt_vector_zero(sums, run.groups);
        if (upper != NULL) {
            akrt_pointwise_groups(words, upper, weights, run.groups, sums);
            for (int32_t i = 0; i < AKRT_GROUP_SUMS * run.groups; i += 4) {
                vst1q_s32(sums + i, vshlq_n_s32(vld1q_s32(sums + i), AKRT_MID_UPPER_BITS));
            }
        }
        akrt_pointwise_groups(words, mid, weights, run.groups, sums);
        akrt_emit_vectors(layer, &run, to, sums, target);
        run.filter += 4 * run.groups;
        weights += bytes * run.groups;
        left -= run.groups;
        AKRT_TICK_WORK(done, bytes * run.groups);
    } while (left > 0);
}

AKRT_LAYER static void akrt_separable_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                            void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t words = AKRT_LINE_WORDS(w->channels), all = AKRT_MID_BYTES(words);
    const int32_t out_y = w->out_y, stride = w->stride_y;
    const int32_t many = w->size_x * w->size_y > AKRT_MID_TAPS, most = words == 1 ? 4 : 2;
    int32_t *const sums = scratch;
    int8_t *const mid = (int8_t *)(scratch + AKRT_POINTWISE_GROUPS(words) * AKRT_GROUP_SUMS);
    const akrt_vector_lanes to = akrt_vector_lanes_of(layer, 1);
    akrt_mid_line line;
    line.pitch = 4 * words;
    line.step = 32 * w->size_y;
    line.lines = w->size_x;
    line.words = words;
    line.last = words < 4 ? 0 : 4 * (words - 4);
    line.in_y = w->in_y;
    line.size_y = w->size_y;
    line.stride_y = stride;
    line.pad_y = w->pad_y;
    line.weights = (const int8_t *)layer->depthwise;
    line.from = lines;
    for (int32_t y = 0; y < out_y; y += most) {
        const int32_t count = out_y - y < most ? out_y - y : most;
        const int8_t *upper = NULL;
        if (many) {
            if (akrt_depthwise_many(&line, y, count, 0, mid)) {
                akrt_depthwise_many(&line, y, count, 1, mid + all);
                upper = mid + all;
            }
        } else if (words < 4) {
            akrt_depthwise_few(&line, y, count, mid);
        } else {
            int32_t v = y * stride - w->pad_y;
            for (int32_t p = 0; p < 2; p++) {
                akrt_depthwise_position(&line, v, mid + 32 * p);
                v += count < 2 ? 0 : stride;
            }
        }
        for (int32_t p = 0; p < count; p += 2) {
            akrt_pointwise_run(layer, words, mid + 16 * p, upper == NULL ? NULL : upper + 16 * p,
                               y + p, count - p < 2 ? 1 : 2, &to, sums, target);
        }
        AKRT_TICK();
    }
}
#endif
#endif
