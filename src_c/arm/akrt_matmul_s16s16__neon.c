#include <stdint.h> /* elsewhere the file would be empty, which C forbids */

#if defined(__AARCH64EL__) && defined(__GNUC__)
#include "arm/target_neon.h"

#include "akrt/kernels.h"

#include <arm_neon.h>
#include <string.h>

#define BLOCK 8 /* filters side by side in the weights, two registers of sums */

/* `rows` rows by one block of filters, of which `kept` exist. */
static inline __attribute__((always_inline)) void tile(const int16_t *a, const int16_t *weights,
                                                       int32_t depth, int32_t filters, int32_t *out,
                                                       const int rows, int32_t kept) {
    int32x4_t low[5], high[5];
    for (int r = 0; r < rows; r++) {
        low[r] = vdupq_n_s32(0);
        high[r] = vdupq_n_s32(0);
    }
    for (int32_t k = 0; k < depth; k += 4) {
        /* pairs of inputs by filter to filters by input */
        const int16x8x2_t first = vld2q_s16(weights + (size_t)k * BLOCK);
        const int16x8x2_t second = vld2q_s16(weights + (size_t)k * BLOCK + 2 * BLOCK);
        for (int r = 0; r < rows; r++) {
            const int16x4_t x = vld1_s16(a + (size_t)r * (size_t)depth + k);
            low[r] = vmlal_lane_s16(low[r], vget_low_s16(first.val[0]), x, 0);
            high[r] = vmlal_lane_s16(high[r], vget_high_s16(first.val[0]), x, 0);
            low[r] = vmlal_lane_s16(low[r], vget_low_s16(first.val[1]), x, 1);
            high[r] = vmlal_lane_s16(high[r], vget_high_s16(first.val[1]), x, 1);
            low[r] = vmlal_lane_s16(low[r], vget_low_s16(second.val[0]), x, 2);
            high[r] = vmlal_lane_s16(high[r], vget_high_s16(second.val[0]), x, 2);
            low[r] = vmlal_lane_s16(low[r], vget_low_s16(second.val[1]), x, 3);
            high[r] = vmlal_lane_s16(high[r], vget_high_s16(second.val[1]), x, 3);
        }
    }
    for (int r = 0; r < rows; r++) {
        int32_t sums[BLOCK];
        int32_t *to = out + (size_t)r * (size_t)filters;
        int32_t *all = kept == BLOCK ? to : sums;
        vst1q_s32(all, low[r]);
        vst1q_s32(all + 4, high[r]);
        if (kept < BLOCK) {
            memcpy(to, sums, (size_t)kept * sizeof *to);
        }
    }
}

void AKRT_FN(akrt_matmul_s16s16)(const int16_t *a, const int16_t *weights, int32_t rows,
                                 int32_t depth, int32_t filters, int32_t *out) {
    const size_t step = (size_t)depth, stride = (size_t)filters;
    for (int32_t f = 0; f < filters; f += BLOCK, weights += BLOCK * step) {
        const int32_t kept = filters - f < BLOCK ? filters - f : BLOCK;
        size_t r = 0;
        for (; r + 5 <= (size_t)rows; r += 5) {
            tile(a + r * step, weights, depth, filters, out + r * stride + f, 5, kept);
        }
        for (; r + 2 <= (size_t)rows; r += 2) {
            tile(a + r * step, weights, depth, filters, out + r * stride + f, 2, kept);
        }
        if (r < (size_t)rows) {
            tile(a + r * step, weights, depth, filters, out + r * stride + f, 1, kept);
        }
    }
}
#endif
