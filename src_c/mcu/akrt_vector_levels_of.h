#ifndef AKRT_VECTOR_LEVELS_OF_H
#define AKRT_VECTOR_LEVELS_OF_H
#include "akrt_lines.h"
#if AKRT_MVE
/* Helium: activations of four filters' potentials. */

/* By multiply-add, or by the high word of the product. */
static inline uint32x4_t akrt_vector_level(int32x4_t p, int32x4_t factor, int32x4_t addend,
                                           int32_t form, int32_t shift) {
    p = form == AKRT_FORM_MULADD ? vmulq_s32(p, factor) : vmulhq_s32(vshlq_n_s32(p, 11), factor);
    p = vshlq_r_s32(vaddq_s32(p, addend), -shift);
    p = vminq_s32(vmaxq_s32(p, vdupq_n_s32(0)), vdupq_n_s32(15));
    return vreinterpretq_u32_s32(p);
}

/* By bisection. */
static uint32x4_t akrt_vector_bisect(int32x4_t p, int32x4_t threshold, int32x4_t step,
                                     int32_t bits) {
    int32x4_t v = vshlq_n_s32(vsubq_s32(p, threshold), 4), n = vdupq_n_s32(0);
    for (int32_t half = 1 << (bits - 1); half > 0; half >>= 1) {
        /* all ones where v > (half - 1) * step */
        const int32x4_t limit = vmulq_n_s32(step, half - 1);
        const int32x4_t above = vshrq_n_s32(vsubq_s32(limit, v), 31);
        v = vsubq_s32(v, vandq_s32(above, vmulq_n_s32(step, half)));
        n = vsubq_s32(n, vmulq_n_s32(above, half));
    }
    return vreinterpretq_u32_s32(n);
}

/* By a table, how many levels a potential exceeds; 0 where there is no such filter. */
static uint32x4_t akrt_vector_levels_of(const akrt_mcu_layer *layer, int32x4_t p,
                                        uint32x4_t filter) {
    const uint32_t top = ((uint32_t)1 << layer->activation.bits) - 1;
    const int32x4_t last = vdupq_n_s32(layer->filters - 1);
    const mve_pred16_t there = vcmpgeq_s32(last, vreinterpretq_s32_u32(filter));
    const uint32x4_t at = vmulq_n_u32(filter, top);
    uint32x4_t n = vdupq_n_u32(0);
    for (uint32_t k = 0; k < top; k++) {
        const int32x4_t level = vldrwq_gather_shifted_offset_z_s32(layer->levels + k, at, there);
        n = vaddq_m_n_u32(n, n, 1, (mve_pred16_t)(vcmpgtq_s32(p, level) & there));
    }
    return n;
}
#endif
#endif
