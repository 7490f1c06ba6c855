/* The 512-bit product of bytes but for the product itself: its sums become what it stores. */
#ifndef AKRT_X86_MATMUL_512_H
#define AKRT_X86_MATMUL_512_H
#include "x86/unroll.h"

#define LANES 16    /* filters in a register */
#define MAX_ROWS 12 /* of a tile */

/* Everything about a matrix product that does not change from tile to tile. */
typedef struct job {
    const uint8_t *a;
    const int16_t *rest;
    const uint32_t *spill;
    const akrt_product *product;
    const akrt_scale *scale;             /* NULL, or how to make activations */
    const akrt_short_scale *short_scale; /* likewise */
    const akrt_scaled *scaled;           /* likewise; all NULL: the result is potentials */
    void *out;
} job;

AKRT_INLINE __m512i activation(const akrt_scale *s, __m512i potential, __m512i top, __m512i mul,
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

/* The activations of `count` positions, together four registers of sums or fewer, as packing
 * leaves them; bytes beyond are any value. */
AKRT_INLINE void store_bytes(uint8_t *out, size_t filters, const __m512i bytes, const int count,
                             const int blocks, __mmask16 last) {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i first_halves =
        _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 0, 4, 1, 5, 2, 6, 3, 7); /* of each register */
    if (blocks == 1 && count == 4 && filters == LANES / 2) {
        const __m512i sorted = _mm512_permutexvar_epi32(first_halves, bytes);
        _mm256_storeu_si256((__m256i *)(void *)out, _mm512_castsi512_si256(sorted));
        return;
    }
    __m512i sorted = _mm512_permutexvar_epi32(order, bytes);
    if (count * blocks == 4 && (blocks == 4 ? last == 0xFFFF : filters == (size_t)blocks * LANES)) {
        _mm512_storeu_si512(out, sorted);
        return;
    }
    const int before = (blocks - 1) * LANES;
    const uint64_t mask = ((UINT64_C(1) << before) - 1) | ((uint64_t)last << before);
    UNROLL
    for (int r = 0; r < count; r++, out += filters) {
        if (last != 0xFFFF) {
            _mm512_mask_storeu_epi8(out, mask, sorted);
        } else if (blocks == 2) {
            _mm256_storeu_si256((__m256i *)(void *)out, _mm512_castsi512_si256(sorted));
        } else {
            _mm_storeu_si128((__m128i *)(void *)out, _mm512_castsi512_si128(sorted));
        }
        sorted = blocks == 2 ? _mm512_shuffle_i64x2(sorted, sorted, 0x4E)
                             : _mm512_shuffle_i64x2(sorted, sorted, 0x39); /* the next row first */
    }
}

/* Of the sums from row r on, in the order of positions and then blocks, number `at`; the last row
 * again where there are no more. */
AKRT_INLINE __m512i sum_at(__m512i sum[MAX_ROWS][4], const int r, const int at, const int rows,
                           const int blocks) {
    const int row = r + at / blocks;
    return sum[row < rows ? row : rows - 1][at % blocks];
}

AKRT_INLINE void store_activations(const job *j, int32_t row, int32_t f, __m512i sum[MAX_ROWS][4],
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
    const int group = 4 / blocks;
    UNROLL
    for (int r = 0; r < rows; r += group, out += (size_t)group * filters) {
        __m512i words[2];
        UNROLL
        for (int n = 0; n < 2; n++) {
            words[n] = _mm512_packus_epi32(sum_at(sum, r, 2 * n, rows, blocks),
                                           sum_at(sum, r, 2 * n + 1, rows, blocks));
        }
        store_bytes(out, filters, _mm512_packus_epi16(words[0], words[1]),
                    r + group <= rows ? group : rows - r, blocks, last);
    }
}

/* The same for sums that are scaled to 16 bits. */
AKRT_INLINE void store_short(const job *j, int32_t row, int32_t f, __m512i sum[MAX_ROWS][4],
                             const int rows, const int blocks, __mmask16 last) {
    const akrt_short_scale *s = j->short_scale;
    const size_t filters = (size_t)j->product->filters;
    uint8_t *out = (uint8_t *)j->out + (size_t)row * filters + (size_t)f;
    const __m128i shift = _mm_cvtsi32_si128((int)s->shift);
    const __m512i top = _mm512_set1_epi16(s->top);
    __m512i mul[2], each[4];
    UNROLL
    for (int b = 0; b < 4; b++) {
        const int block = b % blocks;
        const __mmask16 mask = block + 1 == blocks ? last : (__mmask16)0xFFFF;
        each[b] = _mm512_cvtepu16_epi32(
            _mm256_maskz_loadu_epi16(mask, s->mul + f + (ptrdiff_t)block * LANES));
    }
    mul[0] = _mm512_packus_epi32(each[0], each[1]);
    mul[1] = _mm512_packus_epi32(each[2], each[3]);
    const int group = 4 / blocks;
    UNROLL
    for (int r = 0; r < rows; r += group, out += (size_t)group * filters) {
        __m512i words[2];
        UNROLL
        for (int n = 0; n < 2; n++) {
            const __m512i v = _mm512_packus_epi32(sum_at(sum, r, 2 * n, rows, blocks),
                                                  sum_at(sum, r, 2 * n + 1, rows, blocks));
            const __m512i high = _mm512_srl_epi16(_mm512_mulhi_epu16(v, mul[n]), shift);
            words[n] = _mm512_min_epu16(high, top);
        }
        store_bytes(out, filters, _mm512_packus_epi16(words[0], words[1]),
                    r + group <= rows ? group : rows - r, blocks, last);
    }
}

/* The same for outputs of Akida 2.0. */
AKRT_INLINE void store_scaled(const job *j, int32_t row, int32_t f, __m512i sum[MAX_ROWS][4],
                              const int rows, const int blocks, __mmask16 last) {
    const akrt_scaled *s = j->scaled;
    const size_t filters = (size_t)j->product->filters;
    uint8_t *out = (uint8_t *)j->out + (size_t)row * filters + (size_t)f;
    const __m512i least = _mm512_set1_epi16((short)s->least);
    const __m512i most = _mm512_set1_epi16((short)s->most);
    UNROLL
    for (int b = 0; b < blocks; b++) {
        const __mmask16 mask = b + 1 == blocks ? last : (__mmask16)0xFFFF;
        const size_t at = (size_t)f + (size_t)b * LANES;
        const __m512i low = _mm512_maskz_loadu_epi32(mask, s->low + at);
        const __m512i high = _mm512_maskz_loadu_epi32(mask, s->high + at);
        const __m512i mul = _mm512_maskz_loadu_epi32(mask, s->mul + at);
        const __m512i add = _mm512_maskz_loadu_epi32(mask, s->add + at);
        const __m512i shift = _mm512_maskz_loadu_epi32(mask, s->shift + at);
        UNROLL
        for (int r = 0; r < rows; r++) {
            const __m512i v = _mm512_min_epi32(_mm512_max_epi32(sum[r][b], low), high);
            const __m512i y = _mm512_add_epi32(_mm512_mullo_epi32(v, mul), add);
            sum[r][b] = _mm512_srav_epi32(y, shift);
        }
    }
    const int group = 4 / blocks;
    UNROLL
    for (int r = 0; r < rows; r += group, out += (size_t)group * filters) {
        __m512i words[2];
        UNROLL
        for (int n = 0; n < 2; n++) {
            const __m512i y = _mm512_packs_epi32(sum_at(sum, r, 2 * n, rows, blocks),
                                                 sum_at(sum, r, 2 * n + 1, rows, blocks));
            words[n] = _mm512_min_epi16(_mm512_max_epi16(y, least), most);
        }
        store_bytes(out, filters, _mm512_packs_epi16(words[0], words[1]),
                    r + group <= rows ? group : rows - r, blocks, last);
    }
}

AKRT_INLINE void store_potentials(const job *j, int32_t row, int32_t f, __m512i sum[MAX_ROWS][4],
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

#endif
