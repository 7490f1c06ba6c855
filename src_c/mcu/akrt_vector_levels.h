#ifndef AKRT_VECTOR_LEVELS_H
#define AKRT_VECTOR_LEVELS_H
#include "akrt_rows.h"
#if AKRT_MVE
/* Clips a level to 0..15 in the topmost nibble, and puts what is in `words` below it. */
#define AKRT_VECTOR_LEVEL(level)                                                                   \
    words = __arm_vsriq_n_u32(__arm_vqshluq_n_s32(level, 28), words, 4);                           \
    potentials += 4

/* Activations of four filters' potentials, (5, 4): a word of nibbles a filter. The forms are those
 * of akrt_level_muladd, akrt_level_high and akrt_level_bisect. */
static uint32x4_t akrt_vector_levels(const int32_t *potentials, int32x4_t factor, int32x4_t addend,
                                     int32_t form, int32_t shift, int32_t bits, int32_t width) {
    const int32_t right = 4 * width - 32;
    uint32x4_t words = __arm_vdupq_n_u32(0);
    if (form >= AKRT_FORM_MULADD) {
        do {
            const int32x4_t v = __arm_vmulq_s32(__arm_vld1q_s32(potentials), factor);
            AKRT_VECTOR_LEVEL(__arm_vshlq_r_s32(__arm_vaddq_s32(v, addend), -shift));
        } while (--width > 0);
    } else if (form == AKRT_FORM_HIGH_WORD) {
        do {
            const int32x4_t high = __arm_vshlq_n_s32(__arm_vld1q_s32(potentials), 11);
            const int32x4_t v = __arm_vmulhq_s32(high, factor);
            AKRT_VECTOR_LEVEL(__arm_vshlq_r_s32(__arm_vaddq_s32(v, addend), -shift));
        } while (--width > 0);
    } else {
        do {
            int32x4_t v = __arm_vsubq_s32(__arm_vld1q_s32(potentials), factor);
            int32x4_t n = __arm_vdupq_n_s32(0);
            v = __arm_vshlq_n_s32(v, 4);
            for (int32_t half = 1 << (bits - 1); half > 0; half >>= 1) {
                /* all ones where v > (half - 1) * step */
                const int32x4_t limit = __arm_vmulq_n_s32(addend, half - 1);
                const int32x4_t above = __arm_vshrq_n_s32(__arm_vsubq_s32(limit, v), 31);
                const int32x4_t step = __arm_vmulq_n_s32(addend, half);
                v = __arm_vsubq_s32(v, __arm_vandq_s32(above, step));
                n = __arm_vsubq_s32(n, __arm_vmulq_n_s32(above, half));
            }
            AKRT_VECTOR_LEVEL(n);
        } while (--width > 0);
    }
    return __arm_vshlq_r_u32(words, right);
}
#undef AKRT_VECTOR_LEVEL
#endif
#endif
