#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define LANES 8    /* filters in a register */
#define MAX_ROWS 4 /* of a tile */

/* The same 32 bits in every lane. */
INLINE __m256i everywhere(const void *a) {
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm256_set1_epi32(four);
}

INLINE __m256i load(const void *from) { return _mm256_loadu_si256((const __m256i *)from); }

INLINE void store(void *to, __m256i value) { _mm256_storeu_si256((__m256i *)to, value); }

/* What does not change from tile to tile; the constants of the filters, filled up with zeros to
 * whole registers. */
typedef struct job {
    const uint8_t *a;
    const int16_t *rest;
    const uint32_t *spill;
    const akrt_product *product;
    const akrt_scale *scale;             /* NULL, or how to make activations */
    const akrt_short_scale *short_scale; /* likewise; both NULL: the result is potentials */
    void *out;
    int32_t start[2 * LANES], top[2 * LANES], mul[2 * LANES], add[2 * LANES], fine[2 * LANES];
    uint16_t short_mul[2 * LANES];
} job;

/* Adds the rest of `rows` positions, pair of inputs by pair, where there is any. */
INLINE void add_rest(const job *j, int32_t row, int32_t f, __m256i sum[MAX_ROWS][2], const int rows,
                     const int blocks) {
    const size_t depth = (size_t)j->product->depth;
    const int16_t *rest = j->rest + (size_t)row * depth;
    const int16_t *weights = j->product->rest_weights + (size_t)f * depth;
    const __m256i zero = _mm256_setzero_si256();
    for (size_t k = 0; k < depth; k += 8) { /* the depth is a multiple of 8 */
        __m128i any = _mm_setzero_si128();
        UNROLL
        for (int r = 0; r < rows; r++) {
            const void *from = rest + (size_t)r * depth + k;
            any = _mm_or_si128(any, _mm_loadu_si128((const __m128i *)from));
        }
        const __m128i none = _mm_cmpeq_epi32(any, _mm256_castsi256_si128(zero));
        uint32_t pairs = ~(uint32_t)_mm_movemask_ps(_mm_castsi128_ps(none)) & 15u;
        for (; pairs; pairs &= pairs - 1) {
            const size_t pair = k + 2 * (size_t)__builtin_ctz(pairs);
            __m256i w[2];
            UNROLL
            for (int b = 0; b < blocks; b++) {
                w[b] = load(weights + (size_t)b * LANES * depth + pair * LANES);
            }
            UNROLL
            for (int r = 0; r < rows; r++) {
                const __m256i x = everywhere(rest + (size_t)r * depth + pair);
                UNROLL
                for (int b = 0; b < blocks; b++) {
                    sum[r][b] = _mm256_add_epi32(sum[r][b], _mm256_madd_epi16(x, w[b]));
                }
            }
        }
    }
}

INLINE __m256i activation(const job *j, __m256i potential, int b) {
    const akrt_scale *s = j->scale;
    const __m256i low = _mm256_max_epi32(potential, _mm256_setzero_si256());
    const __m256i v = _mm256_min_epi32(low, load(j->top + b * LANES));
    __m256i sum =
        _mm256_add_epi32(_mm256_mullo_epi32(v, load(j->mul + b * LANES)), load(j->add + b * LANES));
    if (s->fine != NULL) {
        const __m256i more = _mm256_mullo_epi32(v, load(j->fine + b * LANES));
        sum = _mm256_add_epi32(sum, _mm256_srli_epi32(more, AKRT_FINE_SHIFT));
    }
    return _mm256_srl_epi32(sum, _mm_cvtsi32_si128((int)s->shift));
}

/* The activations of one position: `blocks` times 8, as _mm256_packus_epi32 leaves them. */
INLINE void store_bytes(uint8_t *out, __m256i packed, const int blocks, int32_t last) {
    const __m256i words = _mm256_permute4x64_epi64(packed, 0xD8);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    if (last == LANES) {
        if (blocks == 2) {
            _mm_storeu_si128((__m128i *)(void *)out, bytes);
        } else {
            _mm_storel_epi64((__m128i *)(void *)out, bytes);
        }
    } else {
        uint8_t kept[2 * LANES];
        _mm_storeu_si128((__m128i *)(void *)kept, bytes);
        memcpy(out, kept, (size_t)((blocks - 1) * LANES + last));
    }
}

INLINE void store_activations(const job *j, int32_t row, int32_t f, __m256i sum[MAX_ROWS][2],
                              const int rows, const int blocks, int32_t last) {
    const size_t filters = (size_t)j->product->filters;
    uint8_t *out = (uint8_t *)j->out + (size_t)row * filters + (size_t)f;
    UNROLL
    for (int r = 0; r < rows; r++, out += filters) {
        const __m256i first = activation(j, sum[r][0], 0);
        const __m256i second = blocks == 2 ? activation(j, sum[r][1], 1) : first;
        store_bytes(out, _mm256_packus_epi32(first, second), blocks, last);
    }
}

/* The same for sums that are scaled to 16 bits. */
INLINE void store_short(const job *j, int32_t row, int32_t f, __m256i sum[MAX_ROWS][2],
                        const int rows, const int blocks, int32_t last) {
    const akrt_short_scale *s = j->short_scale;
    const size_t filters = (size_t)j->product->filters;
    uint8_t *out = (uint8_t *)j->out + (size_t)row * filters + (size_t)f;
    const __m128i shift = _mm_cvtsi32_si128((int)s->shift);
    /* in the order that packing gives */
    const __m256i mul = _mm256_permute4x64_epi64(load(j->short_mul), 0xD8);
    UNROLL
    for (int r = 0; r < rows; r++, out += filters) {
        const __m256i v = _mm256_packus_epi32(sum[r][0], sum[r][blocks - 1]);
        const __m256i high = _mm256_srl_epi16(_mm256_mulhi_epu16(v, mul), shift);
        store_bytes(out, _mm256_min_epu16(high, _mm256_set1_epi16(s->top)), blocks, last);
    }
}

INLINE void store_potentials(const job *j, int32_t row, int32_t f, __m256i sum[MAX_ROWS][2],
                             const int rows, const int blocks, int32_t last) {
    const size_t filters = (size_t)j->product->filters;
    int32_t *out = (int32_t *)j->out + (size_t)row * filters + (size_t)f;
    UNROLL
    for (int r = 0; r < rows; r++, out += filters) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            if (b + 1 < blocks || last == LANES) {
                store(out + b * LANES, sum[r][b]);
            } else {
                int32_t kept[LANES];
                store(kept, sum[r][b]);
                memcpy(out + b * LANES, kept, (size_t)last * sizeof *out);
            }
        }
    }
}

/* rows x blocks registers of sums; `last` filters of the last block exist. The products of bytes
 * add up in 16 bits for `chain` steps, then in 32. */
INLINE void tile(const job *j, int32_t row, int32_t f, const int rows, const int blocks,
                 int32_t last) {
    const size_t depth = (size_t)j->product->depth;
    const uint8_t *a = j->a + (size_t)row * depth;
    const int8_t *weights = j->product->weights + (size_t)f * depth;
    const size_t chain = 4 * (size_t)j->product->chain;
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i total[MAX_ROWS][2];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            total[r][b] = load(j->start + b * LANES);
        }
    }
    for (size_t from = 0; from < depth; from += chain) {
        const size_t to = depth - from < chain ? depth : from + chain;
        __m256i sum[MAX_ROWS][2];
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
                w[b] = load(weights + (size_t)b * LANES * depth + k * LANES);
            }
            UNROLL
            for (int r = 0; r < rows; r++) {
                const __m256i x = everywhere(a + (size_t)r * depth + k);
                UNROLL
                for (int b = 0; b < blocks; b++) {
                    sum[r][b] = _mm256_add_epi16(sum[r][b], _mm256_maddubs_epi16(x, w[b]));
                }
            }
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            UNROLL
            for (int b = 0; b < blocks; b++) {
                total[r][b] = _mm256_add_epi32(total[r][b], _mm256_madd_epi16(sum[r][b], ones));
            }
        }
    }
    if (j->rest != NULL) {
        uint32_t spilt = 0;
        UNROLL
        for (int r = 0; r < rows; r++) {
            spilt |= j->spill[row + r];
        }
        if (spilt) {
            add_rest(j, row, f, total, rows, blocks);
        }
    }
    if (j->short_scale != NULL) {
        store_short(j, row, f, total, rows, blocks, last);
    } else if (j->scale != NULL) {
        store_activations(j, row, f, total, rows, blocks, last);
    } else {
        store_potentials(j, row, f, total, rows, blocks, last);
    }
}

static void columns2(const job *j, int32_t rows, int32_t f, int32_t last) {
    int32_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        tile(j, r, f, 4, 2, last);
    }
    for (; r < rows; r++) {
        tile(j, r, f, 1, 2, last);
    }
}

static void columns1(const job *j, int32_t rows, int32_t f, int32_t last) {
    int32_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        tile(j, r, f, 4, 1, last);
    }
    for (; r < rows; r++) {
        tile(j, r, f, 1, 1, last);
    }
}

static void multiply(job *j, int32_t rows) {
    const int32_t filters = j->product->filters;
    for (int32_t f = 0; f < filters; f += 2 * LANES) {
        const int32_t left = filters - f;
        const size_t some = (size_t)(left < 2 * LANES ? left : 2 * LANES) * sizeof(int32_t);
        memcpy(j->start, j->product->start + f, some);
        if (j->scale != NULL) {
            memcpy(j->top, j->scale->top + f, some);
            memcpy(j->mul, j->scale->mul + f, some);
            memcpy(j->add, j->scale->add + f, some);
            if (j->scale->fine != NULL) {
                memcpy(j->fine, j->scale->fine + f, some);
            }
        }
        if (j->short_scale != NULL) {
            memcpy(j->short_mul, j->short_scale->mul + f, some / 2);
        }
        if (left > LANES) {
            columns2(j, rows, f, left >= 2 * LANES ? LANES : left - LANES);
        } else {
            columns1(j, rows, f, left);
        }
    }
}

void AKRT_FN(akrt_matmul_u8s8_s32)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                   const akrt_product *product, int32_t rows, int32_t *out) {
    job j = {0};
    j.a = a, j.rest = rest, j.spill = spill, j.product = product, j.out = out;
    multiply(&j, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                  const akrt_product *product, const akrt_scale *scale,
                                  int32_t rows, uint8_t *out) {
    job j = {0};
    j.a = a, j.rest = rest, j.spill = spill, j.product = product, j.scale = scale, j.out = out;
    multiply(&j, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8_short)(const uint8_t *a, const int16_t *rest,
                                        const uint32_t *spill, const akrt_product *product,
                                        const akrt_short_scale *scale, int32_t rows, uint8_t *out) {
    job j = {0};
    j.a = a, j.rest = rest, j.spill = spill, j.product = product, j.short_scale = scale;
    j.out = out;
    multiply(&j, rows);
}

#include "x86/target_end.h"
#endif
