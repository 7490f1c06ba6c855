/* akrt_matmul_s16s16 and akrt_matmul_u8s8_*. */
#include "akrt/target.h"

#ifdef AKRT_ARM
#include "arm/target_neon.h"

#include "akrt/kernels.h"

#include <arm_neon.h>

/* What a CPU without dot products has for them. Plans prefer 16-bit operands here: 6 instructions
 * for 16 products are more than the 4 that those take. */
static inline int32x4_t dot(int32x4_t sum, int8x16_t w, int8x16_t x) {
    const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x));
    const int16x8_t high = vmull_high_s8(w, x);
    return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
}

#define DOT(sum, w, x) sum = dot(sum, w, x)
#define DOT_LANE(sum, w, x, lane)                                                                  \
    sum = dot(sum, w, vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(x), lane)))

#include "arm/akrt_matmul_u8s8.tmpl.h"
#endif
