#ifndef AKRT_PWCONV_START_H
#define AKRT_PWCONV_START_H
#include "akrt_rows.h"
#define AKRT_START_WORDS(groups) (AKRT_ROW_WIDTH * (int32_t)(groups))
#if !AKRT_DSP
/* What the sums of every group start from: -8 times the sum of the depthwise results, twice. */
static void akrt_pwconv_start(const akrt_rows_layer *layer, const uint32_t *mid, uint32_t *start) {
    for (int32_t c = 0; c < layer->channels; c += layer->group) {
        const int32_t left = layer->channels - c;
        const int32_t count = left < layer->group ? left : layer->group;
        uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0;
#if AKRT_MVE
        const uint32x4_t places = __arm_vmulq_n_u32(__arm_vidupq_n_u32(0, 4), AKRT_ROW_WIDTH);
        for (int32_t k = 0; k < count; k += 4) {
            s0 = __arm_vaddvaq_u32(s0, __arm_vldrwq_gather_offset_u32(mid, places));
            s1 = __arm_vaddvaq_u32(s1, __arm_vldrwq_gather_offset_u32(mid + 1, places));
            s2 = __arm_vaddvaq_u32(s2, __arm_vldrwq_gather_offset_u32(mid + 2, places));
            s3 = __arm_vaddvaq_u32(s3, __arm_vldrwq_gather_offset_u32(mid + 3, places));
            s4 = __arm_vaddvaq_u32(s4, __arm_vldrwq_gather_offset_u32(mid + 4, places));
            mid += 4 * AKRT_ROW_WIDTH;
        }
        s0 = 0u - s0;
        s1 = 0u - s1;
        s2 = 0u - s2;
        s3 = 0u - s3;
        s4 = 0u - s4;
#else
        for (int32_t k = 0; k < count; k++) {
            s0 -= mid[0];
            s1 -= mid[1];
            s2 -= mid[2];
            s3 -= mid[3];
            s4 -= mid[4];
            mid += AKRT_ROW_WIDTH;
        }
#endif
        start[0] = s0 * 0x00080008u;
        start[1] = s1 * 0x00080008u;
        start[2] = s2 * 0x00080008u;
        start[3] = s3 * 0x00080008u;
        start[4] = s4 * 0x00080008u;
        start += AKRT_ROW_WIDTH;
    }
}
#endif
#endif
