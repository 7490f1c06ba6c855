#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#include "x86/matmul_avx2.h"

/* Sums of a position with something left over, from the filter f of the group on: `slot` becomes
 * the start and the products of the rest, pair of inputs by pair, where there is any. */
INLINE void add_rest(const job *j, const int16_t *rest, int32_t f, int32_t *slot,
                     const int blocks) {
    const size_t depth = (size_t)j->product->depth;
    const int16_t *weights = j->product->rest_weights + (size_t)(j->first + f) * depth;
    __m256i sum[GROUP / LANES];
    UNROLL
    for (int b = 0; b < blocks; b++) {
        sum[b] = load(j->start + f + b * LANES);
    }
    for (size_t k = 0; k < depth; k += 8) { /* the depth is a multiple of 8 */
        const __m128i some = _mm_loadu_si128((const __m128i *)(const void *)(rest + k));
        const __m128i none = _mm_cmpeq_epi32(some, _mm_setzero_si128());
        uint32_t pairs = ~(uint32_t)_mm_movemask_ps(_mm_castsi128_ps(none)) & 15u;
        for (; pairs; pairs &= pairs - 1) {
            const size_t pair = k + 2 * (size_t)__builtin_ctz(pairs);
            const __m256i x = everywhere(rest + pair);
            const int16_t *w = weights + pair * LANES;
            UNROLL
            for (int b = 0; b < blocks; b++) {
                add_s32(&sum[b], _mm256_madd_epi16(x, load(w + (size_t)b * LANES * depth)));
            }
        }
    }
    UNROLL
    for (int b = 0; b < blocks; b++) {
        store(slot + f + b * LANES, sum[b]);
    }
}

static void fill_slot(const job *j, const int16_t *rest, int32_t *slot, int32_t filters) {
    if (filters == GROUP) {
        add_rest(j, rest, 0, slot, GROUP / LANES);
        return;
    }
    for (int32_t f = 0; f < filters; f += LANES) {
        add_rest(j, rest, f, slot, 1);
    }
}

/* Products of the inputs from .. to, in 16 bits. */
INLINE void add_products(const uint8_t *a, const int8_t *weights, size_t depth, size_t from,
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
INLINE void add_wide_products(const int16_t *a, const int16_t *weights, size_t depth,
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

INLINE void store_sums(const job *j, int32_t row, int32_t f, __m256i sum[TILE][2], const int rows,
                       const int blocks, int32_t last) {
    const size_t at = (size_t)row * (size_t)j->product->filters + (size_t)(j->first + f);
    if (j->short_scale != NULL) {
        store_short(j, (uint8_t *)j->out + at, f, sum, rows, blocks, last);
    } else if (j->scale != NULL) {
        store_activations(j, (uint8_t *)j->out + at, f, sum, rows, blocks, last);
    } else {
        store_potentials(j, (int32_t *)j->out + at, sum, rows, blocks, last);
    }
}

/* The operands of a tile in 16 bits. */
INLINE void widen(const job *j, int32_t row, int16_t *wide, const int rows) {
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
INLINE void wide_tile(const job *j, const int16_t *a, int32_t row, int32_t f, const int rows,
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
INLINE void tile(const job *j, int32_t row, int32_t f, const int rows, const int blocks,
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

static void rows5(const job *j, int32_t row, int32_t filters) {
    int32_t f = 0;
    for (; f + 2 * LANES <= filters; f += 2 * LANES) {
        tile(j, row, f, 5, 2, LANES);
    }
    if (f + LANES < filters) {
        tile(j, row, f, 5, 2, filters - f - LANES);
    } else if (f < filters) {
        tile(j, row, f, 5, 1, filters - f);
    }
}

static void rows1(const job *j, int32_t row, int32_t filters) {
    for (int32_t f = 0; f < filters; f += LANES) {
        tile(j, row, f, 1, 1, filters - f < LANES ? filters - f : LANES);
    }
}

static void wide_rows5(const job *j, int32_t row, int32_t filters) {
    int16_t a[TILE * AKRT_WIDE_DEPTH];
    widen(j, row, a, TILE);
    int32_t f = 0;
    for (; f + LANES < filters; f += 2 * LANES) {
        wide_tile(j, a, row, f, 5, 2, filters - f >= 2 * LANES ? LANES : filters - f - LANES);
    }
    if (f < filters) {
        wide_tile(j, a, row, f, 5, 1, filters - f);
    }
}

static void wide_rows1(const job *j, int32_t row, int32_t filters) {
    int16_t a[AKRT_WIDE_DEPTH];
    widen(j, row, a, 1);
    for (int32_t f = 0; f < filters; f += LANES) {
        wide_tile(j, a, row, f, 1, 1, filters - f < LANES ? filters - f : LANES);
    }
}

/* The constants of the filters first .. first + filters. */
static void prepare(job *j, int32_t first, int32_t filters) {
    const size_t some = (size_t)filters * sizeof(int32_t);
    j->first = first;
    memcpy(j->start, j->product->start + first, some);
    if (j->scale != NULL) {
        memcpy(j->top, j->scale->top + first, some);
        memcpy(j->mul, j->scale->mul + first, some);
        memcpy(j->add, j->scale->add + first, some);
        if (j->scale->fine != NULL) {
            memcpy(j->fine, j->scale->fine + first, some);
        }
    }
    if (j->short_scale != NULL) {
        memcpy(j->short_mul, j->short_scale->mul + first, some / 2);
    }
    for (int32_t f = 0; f < filters; f++) {
        const int scaled = j->short_scale != NULL && j->short_scale->factor != NULL;
        const int16_t factor = scaled ? j->short_scale->factor[first + f] : 1;
        j->factor[2 * f] = j->factor[2 * f + 1] = factor;
    }
}

static void multiply(job *j, const int16_t *rest, const uint32_t *spill, int32_t rows) {
    const size_t depth = (size_t)j->product->depth;
    int32_t slots[CHUNK][GROUP];
    for (int32_t first = 0; first < j->product->filters; first += GROUP) {
        const int32_t left = j->product->filters - first, filters = left < GROUP ? left : GROUP;
        prepare(j, first, filters);
        for (int32_t row = 0; row < rows; row += CHUNK) {
            j->base = row;
            const int32_t end = rows - row < CHUNK ? rows : row + CHUNK;
            for (int32_t r = row; r < end; r++) {
                j->from[r - row] = j->start;
                if (rest != NULL && spill[r]) {
                    j->from[r - row] = slots[r - row];
                    fill_slot(j, rest + (size_t)r * depth, slots[r - row], filters);
                }
            }
            int32_t r = row;
            for (; r + TILE <= end; r += TILE) {
                if (j->product->chain == 0) {
                    wide_rows5(j, r, filters);
                } else {
                    rows5(j, r, filters);
                }
            }
            if (r < end && end - row >= TILE) { /* some rows once more */
                if (j->product->chain == 0) {
                    wide_rows5(j, end - TILE, filters);
                } else {
                    rows5(j, end - TILE, filters);
                }
                continue;
            }
            for (; r < end; r++) {
                if (j->product->chain == 0) {
                    wide_rows1(j, r, filters);
                } else {
                    rows1(j, r, filters);
                }
            }
        }
    }
}

void AKRT_FN(akrt_matmul_u8s8_s32)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                   const akrt_product *product, int32_t rows, int32_t *out) {
    job j = {0};
    j.a = a, j.product = product, j.out = out;
    multiply(&j, rest, spill, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                  const akrt_product *product, const akrt_scale *scale,
                                  int32_t rows, uint8_t *out) {
    job j = {0};
    j.a = a, j.product = product, j.scale = scale, j.out = out;
    multiply(&j, rest, spill, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8_short)(const uint8_t *a, const int16_t *rest,
                                        const uint32_t *spill, const akrt_product *product,
                                        const akrt_short_scale *scale, int32_t rows, uint8_t *out) {
    job j = {0};
    j.a = a, j.product = product, j.short_scale = scale, j.out = out;
    multiply(&j, rest, spill, rows);
}

#include "x86/target_end.h"
#endif
