#ifndef AKRT_VECTOR_PAIRS_H
#define AKRT_VECTOR_PAIRS_H
#include "akrt_vector_quads.h"
#if AKRT_MVE
/* Potentials of four pairs of filters at the five positions of a row, (2, 5, 4): the first filters
 * of the pairs, then the second ones. See akrt_pwconv_rows. */
static void akrt_vector_pairs(const akrt_rows_layer *layer, const uint32_t *mid,
                              const uint32_t *start, const uint32_t *weights, const uint32_t *at,
                              int32_t *potentials) {
    int32_t left = layer->channels;
    do {
        const int32_t quads = (left < layer->group ? left : layer->group) >> 2;
        uint32_t sums[4 * AKRT_ROW_WIDTH];
        akrt_vector_quads(mid, weights, quads, at, start, sums);
        for (int32_t i = 0; i < 4 * AKRT_ROW_WIDTH; i += 4) {
            const int32x4_t sum = (int32x4_t)__arm_vld1q_u32(sums + i);
            int32_t *const even = potentials + i, *const odd = even + 4 * AKRT_ROW_WIDTH;
            int32x4_t first = __arm_vmovlbq_s16((int16x8_t)sum);
            int32x4_t second = __arm_vshrq_n_s32(__arm_vaddq_n_s32(sum, 0x8000), 16);
            if (left != layer->channels) {
                first = __arm_vaddq_s32(first, __arm_vld1q_s32(even));
                second = __arm_vaddq_s32(second, __arm_vld1q_s32(odd));
            }
            __arm_vst1q_s32(even, first);
            __arm_vst1q_s32(odd, second);
        }
        mid += 4 * AKRT_ROW_WIDTH * quads;
        weights += quads;
        start += AKRT_ROW_WIDTH;
        left -= layer->group;
    } while (left > 0);
}
#endif
#endif
