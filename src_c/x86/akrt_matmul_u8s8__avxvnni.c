#include "akrt/target.h"

#ifdef AKRT_AVXVNNI
#include <immintrin.h>

#include "x86/target_avxvnni.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define TILE 6
#include "x86/matmul_256.h"

/* One instruction and no more: compilers copy and spill accumulators around the intrinsic. */
AKRT_INLINE void dot_u8s8(__m256i *sum, __m256i a, __m256i w) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(*sum) : "x"(a), "x"(w));
}

/* rows x blocks registers of sums from the filter f of the group on; `last` filters of the last
 * block exist. */
AKRT_INLINE void tile(const job *j, int32_t row, int32_t f, const int rows, const int blocks,
                      int32_t last) {
    const size_t depth = (size_t)j->product->depth;
    const uint8_t *a = j->a + (size_t)row * depth;
    const int8_t *weights = j->product->weights + (size_t)(j->first + f) * depth;
    __m256i sum[TILE][2];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            sum[r][b] = load(j->from[row - j->base + r] + f + b * LANES);
        }
    }
    for (size_t k = 0; k < depth; k += 4) {
        __m256i w[2];
        UNROLL
        for (int b = 0; b < blocks; b++) {
            w[b] = load_once(weights + (size_t)b * LANES * depth + k * LANES);
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            const __m256i x = everywhere(a + (size_t)r * depth + k);
            UNROLL
            for (int b = 0; b < blocks; b++) {
                dot_u8s8(&sum[r][b], x, w[b]);
            }
        }
    }
    store_sums(j, row, f, sum, rows, blocks, last);
}

static void tile_rows(const job *j, int32_t row, int32_t filters) {
    some_rows(j, row, filters, TILE);
}

static void smaller_tile_rows(const job *j, int32_t row, int32_t filters) {
    some_rows(j, row, filters, TILE - 1);
}

/* One row with four blocks of filters: the sums of a single block would wait for each other. */
static void four_blocks(const job *j, int32_t row, int32_t f) {
    const size_t depth = (size_t)j->product->depth;
    const uint8_t *a = j->a + (size_t)row * depth;
    const int8_t *weights = j->product->weights + (size_t)(j->first + f) * depth;
    __m256i sum[2][TILE][2];
    UNROLL
    for (int b = 0; b < 4; b++) {
        sum[b / 2][0][b % 2] = load(j->from[row - j->base] + f + b * LANES);
    }
    for (size_t k = 0; k < depth; k += 4) {
        const __m256i x = everywhere(a + k);
        UNROLL
        for (int b = 0; b < 4; b++) {
            const int8_t *w = weights + (size_t)b * LANES * depth + k * LANES;
            dot_u8s8(&sum[b / 2][0][b % 2], x, load(w));
        }
    }
    store_sums(j, row, f, sum[0], 1, 2, LANES);
    store_sums(j, row, f + 2 * LANES, sum[1], 1, 2, LANES);
}

static void single_row(const job *j, int32_t row, int32_t filters) {
    int32_t f = 0;
    for (; f + 4 * LANES <= filters; f += 4 * LANES) {
        four_blocks(j, row, f);
    }
    for (; f < filters; f += LANES) {
        tile(j, row, f, 1, 1, filters - f < LANES ? filters - f : LANES);
    }
}

#include "x86/akrt_matmul_u8s8_256.tmpl.h"

#include "x86/target_end.h"
#endif
