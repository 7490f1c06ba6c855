/* Products of 16-bit operands by blocks of 8 filters, for every arm architecture. */
#ifndef AKRT_ARM_MATMUL_S16S16_INC
#define AKRT_ARM_MATMUL_S16S16_INC

#include "arm/scaled_outputs.h"

#define BLOCK 8 /* filters side by side in the weights, two registers of sums */

/* sums[r] += `rows` rows, `depth` apart, by one block. */
AKRT_INLINE void add_wide(const int16_t *a, const int16_t *weights, int32_t depth, const int rows,
                          int32x4_t sums[][2]) {
    for (int32_t k = 0; k < depth; k += 4) {
        /* pairs of inputs by filter to filters by input */
        const int16x8x2_t first = vld2q_s16(weights + (size_t)k * BLOCK);
        const int16x8x2_t second = vld2q_s16(weights + (size_t)k * BLOCK + 2 * BLOCK);
        for (int r = 0; r < rows; r++) {
            const int16x4_t x = vld1_s16(a + (size_t)r * (size_t)depth + k);
            sums[r][0] = vmlal_lane_s16(sums[r][0], vget_low_s16(first.val[0]), x, 0);
            sums[r][1] = vmlal_lane_s16(sums[r][1], vget_high_s16(first.val[0]), x, 0);
            sums[r][0] = vmlal_lane_s16(sums[r][0], vget_low_s16(first.val[1]), x, 1);
            sums[r][1] = vmlal_lane_s16(sums[r][1], vget_high_s16(first.val[1]), x, 1);
            sums[r][0] = vmlal_lane_s16(sums[r][0], vget_low_s16(second.val[0]), x, 2);
            sums[r][1] = vmlal_lane_s16(sums[r][1], vget_high_s16(second.val[0]), x, 2);
            sums[r][0] = vmlal_lane_s16(sums[r][0], vget_low_s16(second.val[1]), x, 3);
            sums[r][1] = vmlal_lane_s16(sums[r][1], vget_high_s16(second.val[1]), x, 3);
        }
    }
}

/* One row of a block, of which `kept` filters exist. */
AKRT_INLINE void store_sums(const int32x4_t sums[2], int32_t *to, int32_t kept) {
    int32_t some[BLOCK];
    int32_t *all = kept == BLOCK ? to : some;
    vst1q_s32(all, sums[0]);
    vst1q_s32(all + 4, sums[1]);
    if (kept < BLOCK) {
        memcpy(to, some, (size_t)kept * sizeof *to);
    }
}

/* Sums, or outputs where there is something to scale by. */
AKRT_INLINE void tile(const int16_t *a, const int16_t *weights, int32_t depth, int32_t filters,
                      const scaled_constants *scaled, void *out, size_t to, const int rows,
                      int32_t kept) {
    int32x4_t sums[5][2];
    for (int r = 0; r < rows; r++) {
        sums[r][0] = scaled != NULL ? scaled->start[0] : vdupq_n_s32(0);
        sums[r][1] = scaled != NULL ? scaled->start[1] : vdupq_n_s32(0);
    }
    add_wide(a, weights, depth, rows, sums);
    for (int r = 0; r < rows; r++, to += (size_t)filters) {
        if (scaled != NULL) {
            store_scaled(sums[r], scaled, (uint8_t *)out + to, kept);
        } else {
            store_sums(sums[r], (int32_t *)out + to, kept);
        }
    }
}

AKRT_INLINE void tiles(const int16_t *a, const int16_t *weights, const scaled_constants *scaled,
                       int32_t rows, int32_t depth, int32_t filters, int32_t f, void *out) {
    const size_t step = (size_t)depth, stride = (size_t)filters;
    const int32_t kept = filters - f < BLOCK ? filters - f : BLOCK;
    size_t r = 0, to = (size_t)f;
    for (; r + 5 <= (size_t)rows; r += 5, to += 5 * stride) {
        tile(a + r * step, weights, depth, filters, scaled, out, to, 5, kept);
    }
    for (; r + 2 <= (size_t)rows; r += 2, to += 2 * stride) {
        tile(a + r * step, weights, depth, filters, scaled, out, to, 2, kept);
    }
    if (r < (size_t)rows) {
        tile(a + r * step, weights, depth, filters, scaled, out, to, 1, kept);
    }
}

void AKRT_FN(akrt_matmul_s16s16)(const int16_t *a, const int16_t *weights, int32_t rows,
                                 int32_t depth, int32_t filters, int32_t *out) {
    for (int32_t f = 0; f < filters; f += BLOCK, weights += (ptrdiff_t)BLOCK * depth) {
        tiles(a, weights, NULL, rows, depth, filters, f, out);
    }
}

void AKRT_FN(akrt_matmul_s16s16_s8)(const int16_t *a, const int16_t *weights,
                                    const akrt_scaled *scaled, int32_t rows, int32_t depth,
                                    int32_t filters, uint8_t *out) {
    for (int32_t f = 0; f < filters; f += BLOCK, weights += (ptrdiff_t)BLOCK * depth) {
        scaled_constants k;
        load_scaled(scaled, (size_t)f, filters - f < BLOCK ? filters - f : BLOCK, &k);
        tiles(a, weights, &k, rows, depth, filters, f, out);
    }
}

#endif
