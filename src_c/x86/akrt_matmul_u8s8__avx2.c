#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define TILE 5
#include "x86/matmul_256.h"

/* Products of the inputs from .. to, in 16 bits. */
AKRT_INLINE void add_products(const uint8_t *a, const int8_t *weights, size_t depth, size_t from,
                              size_t to, __m256i sum[TILE][2], const int rows, const int blocks) {
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            sum[r][b] = _mm256_setzero_si256();
        }
    }
    for (size_t k = from; k < to; k += 4) {
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
                add_s16(&sum[r][b], _mm256_maddubs_epi16(x, w[b]));
            }
        }
    }
}

/* Products with 16-bit weights, in 32. */
AKRT_INLINE void add_wide_products(const int16_t *a, const int16_t *weights, size_t depth,
                                   __m256i total[TILE][2], const int rows, const int blocks) {
    for (size_t k = 0; k < depth; k += 2) {
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
                add_s32(&total[r][b], _mm256_madd_epi16(x, w[b]));
            }
        }
    }
}

/* The operands of a tile in 16 bits. */
AKRT_INLINE void widen(const job *j, int32_t row, int16_t *wide, const int rows) {
    const size_t depth = (size_t)j->product->depth, n = depth * (size_t)rows;
    const uint8_t *a = j->a + (size_t)row * depth;
    size_t k = 0;
    for (; k + 16 <= n; k += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(a + k));
        store(wide + k, _mm256_cvtepu8_epi16(bytes));
    }
    for (; k < n; k++) {
        wide[k] = a[k];
    }
}

/* The tile of a product without `chain`, from operands that are already wide. */
AKRT_INLINE void wide_tile(const job *j, const int16_t *a, int32_t row, int32_t f, const int rows,
                           const int blocks, int32_t last) {
    const size_t depth = (size_t)j->product->depth;
    __m256i total[TILE][2];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            total[r][b] = load(j->from[row - j->base + r] + f + b * LANES);
        }
    }
    add_wide_products(a, j->product->rest_weights + (size_t)(j->first + f) * depth, depth, total,
                      rows, blocks);
    store_sums(j, row, f, total, rows, blocks, last);
}

/* rows x blocks registers of sums from the filter f of the group on; `last` filters of the last
 * block exist. The products of bytes add up in 16 bits for `chain` steps, then in 32. */
AKRT_INLINE void tile(const job *j, int32_t row, int32_t f, const int rows, const int blocks,
                      int32_t last) {
    const size_t depth = (size_t)j->product->depth;
    const uint8_t *a = j->a + (size_t)row * depth;
    const int8_t *weights = j->product->weights + (size_t)(j->first + f) * depth;
    const size_t chain = 4 * (size_t)j->product->chain;
    __m256i sum[TILE][2], total[TILE][2];
    add_products(a, weights, depth, 0, chain < depth ? chain : depth, sum, rows, blocks);
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            const __m256i factor = load(j->factor + 2 * (f + b * LANES));
            total[r][b] = _mm256_add_epi32(load(j->from[row - j->base + r] + f + b * LANES),
                                           _mm256_madd_epi16(sum[r][b], factor));
        }
    }
    for (size_t from = chain; from < depth; from += chain) {
        const size_t to = depth - from < chain ? depth : from + chain;
        add_products(a, weights, depth, from, to, sum, rows, blocks);
        UNROLL
        for (int r = 0; r < rows; r++) {
            UNROLL
            for (int b = 0; b < blocks; b++) {
                const __m256i factor = load(j->factor + 2 * (f + b * LANES));
                total[r][b] = _mm256_add_epi32(total[r][b], _mm256_madd_epi16(sum[r][b], factor));
            }
        }
    }
    store_sums(j, row, f, total, rows, blocks, last);
}

static void rows1(const job *j, int32_t row, int32_t filters) {
    for (int32_t f = 0; f < filters; f += LANES) {
        tile(j, row, f, 1, 1, filters - f < LANES ? filters - f : LANES);
    }
}

AKRT_INLINE void wide_rows(const job *j, int32_t row, int32_t filters, const int rows) {
    int16_t a[TILE * AKRT_WIDE_DEPTH];
    widen(j, row, a, rows);
    int32_t f = 0;
    for (; f + LANES < filters; f += 2 * LANES) {
        wide_tile(j, a, row, f, rows, 2, filters - f >= 2 * LANES ? LANES : filters - f - LANES);
    }
    if (f < filters) {
        wide_tile(j, a, row, f, rows, 1, filters - f);
    }
}

static void wide_rows1(const job *j, int32_t row, int32_t filters) {
    int16_t a[AKRT_WIDE_DEPTH];
    widen(j, row, a, 1);
    for (int32_t f = 0; f < filters; f += LANES) {
        wide_tile(j, a, row, f, 1, 1, filters - f < LANES ? filters - f : LANES);
    }
}

/* The sums of TILE rows with the filters of the group. */
static void tile_rows(const job *j, int32_t row, int32_t filters) {
    if (j->product->chain == 0) {
        wide_rows(j, row, filters, TILE);
    } else {
        some_rows(j, row, filters, TILE);
    }
}

static void smaller_tile_rows(const job *j, int32_t row, int32_t filters) {
    if (j->product->chain == 0) {
        wide_rows(j, row, filters, TILE - 1);
    } else {
        some_rows(j, row, filters, TILE - 1);
    }
}

static void single_row(const job *j, int32_t row, int32_t filters) {
    if (j->product->chain == 0) {
        wide_rows1(j, row, filters);
    } else {
        rows1(j, row, filters);
    }
}

#include "x86/akrt_matmul_u8s8_256.tmpl.h"

#include "x86/target_end.h"
#endif
