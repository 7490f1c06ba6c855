#ifndef AKRT_VECTOR_LEVELS_H
#define AKRT_VECTOR_LEVELS_H
#include "akrt_rows.h"
#if AKRT_MVE
/* Activations of four filters' potentials, (5, 4): a word of nibbles a filter. The forms are those
 * of akrt_level_muladd, akrt_level_high and akrt_level_bisect. */
static uint32x4_t akrt_vector_levels(const int32_t *potentials, int32x4_t factor, int32x4_t addend,
                                     int32_t form, int32_t shift, int32_t bits, int32_t width) {
    const int32_t *p = potentials + 4 * width;
    const int32x4_t top = __arm_vdupq_n_s32(15), zero = __arm_vdupq_n_s32(0);
    uint32x4_t words = __arm_vdupq_n_u32(0);
    do {
        int32x4_t v, n;
        p -= 4;
        v = __arm_vld1q_s32(p);
        if (form >= AKRT_FORM_MULADD) {
            v = __arm_vmulq_s32(v, factor);
            n = __arm_vshlq_r_s32(__arm_vaddq_s32(v, addend), -shift);
            n = __arm_vmaxq_s32(__arm_vminq_s32(n, top), zero);
        } else if (form == AKRT_FORM_HIGH_WORD) {
            v = __arm_vmulhq_s32(__arm_vshlq_n_s32(v, 11), factor);
            n = __arm_vshlq_r_s32(__arm_vaddq_s32(v, addend), -shift);
            n = __arm_vmaxq_s32(__arm_vminq_s32(n, top), zero);
        } else {
            n = zero;
            v = __arm_vshlq_n_s32(__arm_vsubq_s32(v, factor), 4);
            for (int32_t half = 1 << (bits - 1); half > 0; half >>= 1) {
                /* all ones where v > (half - 1) * step */
                const int32x4_t limit = __arm_vmulq_n_s32(addend, half - 1);
                const int32x4_t above = __arm_vshrq_n_s32(__arm_vsubq_s32(limit, v), 31);
                const int32x4_t step = __arm_vmulq_n_s32(addend, half);
                v = __arm_vsubq_s32(v, __arm_vandq_s32(above, step));
                n = __arm_vsubq_s32(n, __arm_vmulq_n_s32(above, half));
            }
        }
        words = __arm_vsliq_n_u32((uint32x4_t)n, words, 4);
    } while (p > potentials);
    return words;
}
#endif
#endif
