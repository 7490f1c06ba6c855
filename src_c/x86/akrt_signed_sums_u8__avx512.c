#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"

#define GROUP 64  /* channels of a step: a register of bytes */
#define CHAIN 256 /* bytes that add up in 16 bits */

/* The same for one position that did not fit bytes. */
static void add_spilt(const uint8_t *low, const int16_t *rest, const int32_t *offset, size_t depth,
                      int32_t *positive, int32_t *negative) {
    const __m512i zero = _mm512_setzero_si512();
    for (size_t c = 0; c < depth; c += 16) {
        const __mmask16 some = (__mmask16)(depth - c >= 16 ? 0xFFFFu : (1u << (depth - c)) - 1u);
        const __m512i byte = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(some, low + c));
        const __m512i above = _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(some, rest + c));
        const __m512i sum = _mm512_add_epi32(byte, above);
        const __m512i v = _mm512_sub_epi32(sum, _mm512_maskz_loadu_epi32(some, offset + c));
        const __m512i up = _mm512_max_epi32(v, zero);
        const __m512i down = _mm512_sub_epi32(up, v);
        _mm512_mask_storeu_epi32(
            positive + c, some, _mm512_add_epi32(up, _mm512_maskz_loadu_epi32(some, positive + c)));
        _mm512_mask_storeu_epi32(
            negative + c, some,
            _mm512_add_epi32(down, _mm512_maskz_loadu_epi32(some, negative + c)));
    }
}

/* Adds 16-bit sums, as unpacking leaves them, to 64 channels, or those of `mask`. */
static void add_sums(__m512i sum0, __m512i sum1, __mmask64 mask, int32_t *to) {
    const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i odd = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    const __m512i half[2] = {_mm512_permutex2var_epi64(sum0, even, sum1),
                             _mm512_permutex2var_epi64(sum0, odd, sum1)};
    for (int n = 0; n < 4; n++) {
        const __m256i words =
            n & 1 ? _mm512_extracti64x4_epi64(half[n / 2], 1) : _mm512_castsi512_si256(half[n / 2]);
        const __mmask16 some = (__mmask16)(mask >> (16 * n));
        const __m512i before = _mm512_maskz_loadu_epi32(some, to + 16 * n);
        _mm512_mask_storeu_epi32(to + 16 * n, some,
                                 _mm512_add_epi32(before, _mm512_cvtepu16_epi32(words)));
    }
}

void AKRT_FN(akrt_signed_sums_u8)(const uint8_t *low, const int16_t *rest, const uint32_t *spill,
                                  const int32_t *offset, int32_t positions, int32_t depth,
                                  int32_t *positive, int32_t *negative) {
    const size_t line = (size_t)depth;
    const __m512i zero = _mm512_setzero_si512();
    for (size_t c = 0; c < line; c += GROUP) {
        const size_t left = line - c;
        const __mmask64 mask = left >= GROUP ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
        __m512i from = zero;
        for (int n = 3; n >= 0; n--) {
            const __m512i numbers =
                _mm512_maskz_loadu_epi32((__mmask16)(mask >> (16 * n)), offset + c + 16 * n);
            const __m128i bytes = _mm512_cvtepi32_epi8(numbers);
            from = _mm512_inserti32x4(_mm512_shuffle_i32x4(from, from, 0x90), bytes, 0);
        }
        for (int32_t p = 0; p < positions;) {
            const int32_t to = positions - p < CHAIN ? positions : p + CHAIN;
            __m512i up0 = zero, up1 = zero, down0 = zero, down1 = zero;
            for (; p < to; p++) {
                if (spill[p]) {
                    continue;
                }
                const __m512i v = _mm512_maskz_loadu_epi8(mask, low + (size_t)p * line + c);
                const __m512i up = _mm512_subs_epu8(v, from), down = _mm512_subs_epu8(from, v);
                up0 = _mm512_add_epi16(up0, _mm512_unpacklo_epi8(up, zero));
                up1 = _mm512_add_epi16(up1, _mm512_unpackhi_epi8(up, zero));
                down0 = _mm512_add_epi16(down0, _mm512_unpacklo_epi8(down, zero));
                down1 = _mm512_add_epi16(down1, _mm512_unpackhi_epi8(down, zero));
            }
            add_sums(up0, up1, mask, positive + c);
            add_sums(down0, down1, mask, negative + c);
        }
    }
    for (int32_t p = 0; p < positions; p++) {
        if (spill[p]) {
            add_spilt(low + (size_t)p * line, rest + (size_t)p * line, offset, line, positive,
                      negative);
        }
    }
}

#include "x86/target_end.h"
#endif
