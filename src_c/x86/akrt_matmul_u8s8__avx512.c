#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define LANES 16    /* filters in a register */
#define MAX_ROWS 12 /* of a tile */

/* One instruction and no more: compilers copy and spill accumulators around the intrinsics. */
INLINE void dot_u8s8(__m512i *sum, __m512i a, __m512i w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(w));
}

INLINE void dot_s16s16(__m512i *sum, __m512i a, __m512i w) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(w));
}

/* The same 32 bits in every lane. */
INLINE __m512i everywhere(const void *a) {
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm512_set1_epi32(four);
}

/* Everything about a matrix product that does not change from tile to tile. */
typedef struct job {
    const uint8_t *a;
    const int16_t *rest;
    const uint32_t *spill;
    const akrt_product *product;
    const akrt_scale *scale;             /* NULL, or how to make activations */
    const akrt_short_scale *short_scale; /* likewise; both NULL: the result is potentials */
    void *out;
} job;

/* Adds the rest of `rows` positions, pair of inputs by pair, where there is any. */
INLINE void add_rest(const job *j, int32_t row, int32_t f, __m512i sum[MAX_ROWS][4], const int rows,
                     const int blocks) {
    const size_t depth = (size_t)j->product->depth;
    const int16_t *rest = j->rest + (size_t)row * depth;
    const int16_t *weights = j->product->rest_weights + (size_t)f * depth;
    for (size_t k = 0; k < depth; k += 2 * LANES) {
        const size_t left = (depth - k) / 2;
        const __mmask16 some = (__mmask16)(left >= LANES ? 0xFFFFu : (1u << left) - 1u);
        __m512i any = _mm512_setzero_si512();
        UNROLL
        for (int r = 0; r < rows; r++) {
            any =
                _mm512_or_si512(any, _mm512_maskz_loadu_epi32(some, rest + (size_t)r * depth + k));
        }
        uint32_t pairs = _mm512_test_epi32_mask(any, any);
        for (; pairs; pairs &= pairs - 1) {
            const size_t pair = k + 2 * (size_t)__builtin_ctz(pairs);
            __m512i w[4];
            UNROLL
            for (int b = 0; b < blocks; b++) {
                w[b] = _mm512_loadu_si512(weights + (size_t)b * LANES * depth + pair * LANES);
            }
            UNROLL
            for (int r = 0; r < rows; r++) {
                const __m512i x = everywhere(rest + (size_t)r * depth + pair);
                UNROLL
                for (int b = 0; b < blocks; b++) {
                    dot_s16s16(&sum[r][b], x, w[b]);
                }
            }
        }
    }
}

INLINE __m512i activation(const akrt_scale *s, __m512i potential, __m512i top, __m512i mul,
                          __m512i add, __m512i fine, __m128i shift) {
    const __m512i low = _mm512_max_epi32(potential, _mm512_setzero_si512());
    const __m512i v = _mm512_min_epi32(low, top);
    __m512i sum = _mm512_add_epi32(_mm512_mullo_epi32(v, mul), add);
    if (s->fine != NULL) {
        const __m512i more = _mm512_mullo_epi32(v, fine);
        sum = _mm512_add_epi32(sum, _mm512_srli_epi32(more, AKRT_FINE_SHIFT));
    }
    return _mm512_srl_epi32(sum, shift);
}

/* The activations of one position: `blocks` times 16, as _mm512_packus_epi32 leaves them. */
INLINE void store_bytes(uint8_t *out, const __m512i words[2], const int blocks, __mmask16 last) {
    const __m512i bytes = _mm512_packus_epi16(words[0], words[1]);
    const __m512i order =
        blocks == 4 ? _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)
                    : _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 4, 8, 12, 1, 5, 9, 13);
    const __m512i sorted = _mm512_permutexvar_epi32(order, bytes);
    if (last != 0xFFFF) {
        const int before = (blocks - 1) * LANES;
        const uint64_t mask = ((UINT64_C(1) << before) - 1) | ((uint64_t)last << before);
        _mm512_mask_storeu_epi8(out, mask, sorted);
    } else if (blocks == 4) {
        _mm512_storeu_si512(out, sorted);
    } else if (blocks == 2) {
        _mm256_storeu_si256((__m256i *)(void *)out, _mm512_castsi512_si256(sorted));
    } else {
        _mm_storeu_si128((__m128i *)(void *)out, _mm512_castsi512_si128(sorted));
    }
}

INLINE void store_activations(const job *j, int32_t row, int32_t f, __m512i sum[MAX_ROWS][4],
                              const int rows, const int blocks, __mmask16 last) {
    const akrt_scale *s = j->scale;
    const size_t filters = (size_t)j->product->filters;
    uint8_t *out = (uint8_t *)j->out + (size_t)row * filters + (size_t)f;
    const __m128i shift = _mm_cvtsi32_si128((int)s->shift);
    UNROLL
    for (int b = 0; b < blocks; b++) {
        const __mmask16 mask = b + 1 == blocks ? last : (__mmask16)0xFFFF;
        const size_t at = (size_t)f + (size_t)b * LANES;
        const __m512i top = _mm512_maskz_loadu_epi32(mask, s->top + at);
        const __m512i mul = _mm512_maskz_loadu_epi32(mask, s->mul + at);
        const __m512i add = _mm512_maskz_loadu_epi32(mask, s->add + at);
        __m512i fine = _mm512_setzero_si512();
        if (s->fine != NULL) {
            fine = _mm512_maskz_loadu_epi32(mask, s->fine + at);
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            sum[r][b] = activation(s, sum[r][b], top, mul, add, fine, shift);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++, out += filters) {
        __m512i words[2];
        words[0] = _mm512_packus_epi32(sum[r][0], sum[r][blocks > 1 ? 1 : 0]);
        words[1] = blocks == 4 ? _mm512_packus_epi32(sum[r][2], sum[r][3]) : words[0];
        store_bytes(out, words, blocks, last);
    }
}

/* The same for sums that are scaled to 16 bits. */
INLINE void store_short(const job *j, int32_t row, int32_t f, __m512i sum[MAX_ROWS][4],
                        const int rows, const int blocks, __mmask16 last) {
    const akrt_short_scale *s = j->short_scale;
    const size_t filters = (size_t)j->product->filters;
    uint8_t *out = (uint8_t *)j->out + (size_t)row * filters + (size_t)f;
    const __m128i shift = _mm_cvtsi32_si128((int)s->shift);
    const __m512i top = _mm512_set1_epi16(s->top);
    __m512i mul[2];
    UNROLL
    for (int n = 0; n < (blocks + 1) / 2; n++) {
        const uint16_t *from = s->mul + f + 2 * n * LANES;
        const int second = 2 * n + 1 < blocks;
        const __mmask16 mask0 = 2 * n + 1 == blocks ? last : (__mmask16)0xFFFF;
        const __mmask16 mask1 = 2 * n + 2 == blocks ? last : (__mmask16)0xFFFF;
        const __m512i mul0 = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask0, from));
        const __m512i mul1 =
            second ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask1, from + LANES)) : mul0;
        mul[n] = _mm512_packus_epi32(mul0, mul1);
    }
    UNROLL
    for (int r = 0; r < rows; r++, out += filters) {
        __m512i words[2];
        UNROLL
        for (int n = 0; n < (blocks + 1) / 2; n++) {
            const __m512i v =
                _mm512_packus_epi32(sum[r][2 * n], sum[r][2 * n + 1 < blocks ? 2 * n + 1 : 2 * n]);
            const __m512i high = _mm512_srl_epi16(_mm512_mulhi_epu16(v, mul[n]), shift);
            words[n] = _mm512_min_epu16(high, top);
        }
        if (blocks < 3) {
            words[1] = words[0];
        }
        store_bytes(out, words, blocks, last);
    }
}

INLINE void store_potentials(const job *j, int32_t row, int32_t f, __m512i sum[MAX_ROWS][4],
                             const int rows, const int blocks, __mmask16 last) {
    const size_t filters = (size_t)j->product->filters;
    int32_t *out = (int32_t *)j->out + (size_t)row * filters + (size_t)f;
    UNROLL
    for (int r = 0; r < rows; r++, out += filters) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            const __mmask16 mask = b + 1 == blocks ? last : (__mmask16)0xFFFF;
            _mm512_mask_storeu_epi32(out + (size_t)b * LANES, mask, sum[r][b]);
        }
    }
}

/* rows x blocks registers of sums; `last` masks the filters of the last block that exist. */
INLINE void tile(const job *j, int32_t row, int32_t f, const int rows, const int blocks,
                 __mmask16 last) {
    const size_t depth = (size_t)j->product->depth;
    const uint8_t *a = j->a + (size_t)row * depth;
    const int8_t *weights = j->product->weights + (size_t)f * depth;
    __m512i sum[MAX_ROWS][4];
    UNROLL
    for (int b = 0; b < blocks; b++) {
        const __mmask16 mask = b + 1 == blocks ? last : (__mmask16)0xFFFF;
        const __m512i start = _mm512_maskz_loadu_epi32(mask, j->product->start + f + b * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            sum[r][b] = start;
        }
    }
    for (size_t k = 0; k < depth; k += 4) {
        __m512i w[4];
        UNROLL
        for (int b = 0; b < blocks; b++) {
            w[b] = _mm512_loadu_si512(weights + (size_t)b * LANES * depth + k * LANES);
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            const __m512i x = everywhere(a + (size_t)r * depth + k);
            UNROLL
            for (int b = 0; b < blocks; b++) {
                dot_u8s8(&sum[r][b], x, w[b]);
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
            add_rest(j, row, f, sum, rows, blocks);
        }
    }
    if (j->short_scale != NULL) {
        store_short(j, row, f, sum, rows, blocks, last);
    } else if (j->scale != NULL) {
        store_activations(j, row, f, sum, rows, blocks, last);
    } else {
        store_potentials(j, row, f, sum, rows, blocks, last);
    }
}

static void columns4(const job *j, int32_t rows, int32_t f, __mmask16 last) {
    const int32_t fives = (6 - rows % 6) % 6; /* and then sixes, if these add up */
    int32_t r = 0;
    if (rows >= 5 * fives) {
        for (; r < 5 * fives; r += 5) {
            tile(j, r, f, 5, 4, last);
        }
    }
    for (; r + 6 <= rows; r += 6) {
        tile(j, r, f, 6, 4, last);
    }
    for (; r + 3 <= rows; r += 3) {
        tile(j, r, f, 3, 4, last);
    }
    for (; r < rows; r++) {
        tile(j, r, f, 1, 4, last);
    }
}

static void columns2(const job *j, int32_t rows, int32_t f, __mmask16 last) {
    int32_t r = 0;
    for (; r + 12 <= rows; r += 12) {
        tile(j, r, f, 12, 2, last);
    }
    for (; r + 4 <= rows; r += 4) {
        tile(j, r, f, 4, 2, last);
    }
    for (; r < rows; r++) {
        tile(j, r, f, 1, 2, last);
    }
}

static void columns1(const job *j, int32_t rows, int32_t f, __mmask16 last) {
    int32_t r = 0;
    for (; r + 12 <= rows; r += 12) {
        tile(j, r, f, 12, 1, last);
    }
    for (; r + 4 <= rows; r += 4) {
        tile(j, r, f, 4, 1, last);
    }
    for (; r < rows; r++) {
        tile(j, r, f, 1, 1, last);
    }
}

static void multiply(const job *j, int32_t rows) {
    const int32_t filters = j->product->filters;
    int32_t f = 0;
    while (f < filters) {
        const int32_t left = filters - f;
        const int32_t there = (left + LANES - 1) / LANES;
        const int32_t blocks = there >= 4 ? 4 : there >= 2 ? 2 : 1;
        const int32_t tail = left - (blocks - 1) * LANES;
        const __mmask16 last = (__mmask16)(tail >= LANES ? 0xFFFFu : (1u << tail) - 1u);
        if (blocks == 4) {
            columns4(j, rows, f, last);
        } else if (blocks == 2) {
            columns2(j, rows, f, last);
        } else {
            columns1(j, rows, f, last);
        }
        f += blocks * LANES;
    }
}

void AKRT_FN(akrt_matmul_u8s8_s32)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                   const akrt_product *product, int32_t rows, int32_t *out) {
    const job j = {a, rest, spill, product, NULL, NULL, out};
    multiply(&j, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                  const akrt_product *product, const akrt_scale *scale,
                                  int32_t rows, uint8_t *out) {
    const job j = {a, rest, spill, product, scale, NULL, out};
    multiply(&j, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8_short)(const uint8_t *a, const int16_t *rest,
                                        const uint32_t *spill, const akrt_product *product,
                                        const akrt_short_scale *scale, int32_t rows, uint8_t *out) {
    const job j = {a, rest, spill, product, NULL, scale, out};
    multiply(&j, rows);
}

#include "x86/target_end.h"
#endif
