#include <stdint.h> /* elsewhere the file would be empty, which C forbids */

#if defined(__AARCH64EL__) && defined(__GNUC__)
#include "arm/target_dotprod.h"

#include "akrt/kernels.h"

#include <arm_neon.h>

/* Eight channels, all positions. */
static void eight(const uint8_t *low, const int16_t *rest, const uint32_t *spill,
                  const int32_t *offset, size_t positions, size_t depth, int32_t *positive,
                  int32_t *negative) {
    const int32x4_t none = vdupq_n_s32(0);
    int32x4_t o[2], above[2], below[2];
    for (int h = 0; h < 2; h++) {
        o[h] = vld1q_s32(offset + 4 * h);
        above[h] = vld1q_s32(positive + 4 * h);
        below[h] = vld1q_s32(negative + 4 * h);
    }
    for (size_t p = 0; p < positions; p++) {
        /* the sum that was split, 16 bits */
        int16x8_t sum = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(low + p * depth)));
        if (spill[p]) {
            sum = vaddq_s16(sum, vld1q_s16(rest + p * depth));
        }
        const int32x4_t v[2] = {vsubq_s32(vmovl_s16(vget_low_s16(sum)), o[0]),
                                vsubq_s32(vmovl_s16(vget_high_s16(sum)), o[1])};
        for (int h = 0; h < 2; h++) {
            above[h] = vaddq_s32(above[h], vmaxq_s32(v[h], none));
            below[h] = vsubq_s32(below[h], vminq_s32(v[h], none));
        }
    }
    for (int h = 0; h < 2; h++) {
        vst1q_s32(positive + 4 * h, above[h]);
        vst1q_s32(negative + 4 * h, below[h]);
    }
}

void AKRT_FN(akrt_signed_sums_u8)(const uint8_t *low, const int16_t *rest, const uint32_t *spill,
                                  const int32_t *offset, int32_t positions, int32_t depth,
                                  int32_t *positive, int32_t *negative) {
    const size_t channels = (size_t)depth, all = (size_t)positions;
    size_t c = 0;
    for (; c + 8 <= channels; c += 8) {
        eight(low + c, rest + c, spill, offset + c, all, channels, positive + c, negative + c);
    }
    for (; c < channels; c++) {
        for (size_t p = 0; p < all; p++) {
            const size_t at = p * channels + c;
            const int32_t v = low[at] + (spill[p] ? rest[at] : 0) - offset[c];
            positive[c] += v > 0 ? v : 0;
            negative[c] -= v < 0 ? v : 0;
        }
    }
}

#include "arm/target_end.h"
#endif
