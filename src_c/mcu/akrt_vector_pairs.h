#ifndef AKRT_VECTOR_PAIRS_H
#define AKRT_VECTOR_PAIRS_H
#include "akrt_vector_quads.h"
#if AKRT_MVE
/* Both sums of the words of five positions, stored, or added to what is there. */
static inline void akrt_vector_split(const uint32_t *sums, int32_t adds, int32_t *even) {
    int32_t *odd = even + 4 * AKRT_ROW_WIDTH, *const end = odd;
    if (adds == 0) {
        do {
            const int32x4_t sum = (int32x4_t)__arm_vld1q_u32(sums);
            __arm_vst1q_s32(even, __arm_vmovlbq_s16((int16x8_t)sum));
            __arm_vst1q_s32(odd, __arm_vrshrq_n_s32(sum, 16));
            sums += 4;
            even += 4;
            odd += 4;
        } while (even != end);
        return;
    }
    do {
        const int32x4_t sum = (int32x4_t)__arm_vld1q_u32(sums);
        const int32x4_t first = __arm_vmovlbq_s16((int16x8_t)sum);
        __arm_vst1q_s32(even, __arm_vaddq_s32(__arm_vld1q_s32(even), first));
        __arm_vst1q_s32(odd, __arm_vaddq_s32(__arm_vld1q_s32(odd), __arm_vrshrq_n_s32(sum, 16)));
        sums += 4;
        even += 4;
        odd += 4;
    } while (even != end);
}

/* Potentials of four pairs of filters at the five positions of a row, (2, 5, 4): the first filters
 * of the pairs, then the second ones. See akrt_pwconv_rows. */
static inline void akrt_vector_pairs(const akrt_rows_layer *layer, const uint32_t *mid,
                                     const uint32_t *start, const uint32_t *weights,
                                     const uint32_t *at, int32_t *potentials) {
    int32_t left = layer->channels;
    do {
        const int32_t quads = (left < layer->group ? left : layer->group) >> 2;
        uint32_t sums[4 * AKRT_ROW_WIDTH];
        akrt_vector_quads(mid, weights, quads, at, start, sums);
        akrt_vector_split(sums, left != layer->channels, potentials);
        mid += 4 * AKRT_ROW_WIDTH * quads;
        weights += quads;
        start += AKRT_ROW_WIDTH;
        left -= layer->group;
    } while (left > 0);
}
#endif
#endif
