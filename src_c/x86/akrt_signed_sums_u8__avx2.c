#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"

#include <string.h>

#define GROUP 32  /* channels of a step: a register of bytes */
#define CHAIN 256 /* bytes that add up in 16 bits */

static inline __m256i load(const void *from) { return _mm256_loadu_si256((const __m256i *)from); }

static void add_spilt(const uint8_t *low, const int16_t *rest, const int32_t *offset, size_t depth,
                      int32_t *restrict positive, int32_t *restrict negative) {
    for (size_t c = 0; c < depth; c++) {
        const int32_t v = low[c] + rest[c] - offset[c];
        positive[c] += v > 0 ? v : 0;
        negative[c] += v < 0 ? -v : 0;
    }
}

/* Adds 16-bit sums, as unpacking leaves them, to the first `n` of 32 channels. */
static void add_sums(__m256i sum0, __m256i sum1, size_t n, int32_t *restrict to) {
    uint16_t sums[GROUP];
    _mm256_storeu_si256((__m256i *)(void *)sums, _mm256_permute2x128_si256(sum0, sum1, 0x20));
    _mm256_storeu_si256((__m256i *)(void *)(sums + 16),
                        _mm256_permute2x128_si256(sum0, sum1, 0x31));
    for (size_t c = 0; c < n; c++) {
        to[c] += sums[c];
    }
}

void AKRT_FN(akrt_signed_sums_u8)(const uint8_t *low, const int16_t *rest, const uint32_t *spill,
                                  const int32_t *offset, int32_t positions, int32_t depth,
                                  int32_t *positive, int32_t *negative) {
    const size_t line = (size_t)depth;
    const __m256i zero = _mm256_setzero_si256();
    for (size_t c = 0; c < line; c += GROUP) {
        const size_t n = line - c < GROUP ? line - c : GROUP;
        uint8_t bytes[GROUP] = {0};
        for (size_t k = 0; k < n; k++) {
            bytes[k] = (uint8_t)offset[c + k];
        }
        const __m256i from = load(bytes);
        for (int32_t p = 0; p < positions;) {
            const int32_t to = positions - p < CHAIN ? positions : p + CHAIN;
            __m256i up0 = zero, up1 = zero, down0 = zero, down1 = zero;
            for (; p < to; p++) {
                if (spill[p]) {
                    continue;
                }
                const uint8_t *at = low + (size_t)p * line + c;
                if (n < GROUP) {
                    memcpy(bytes, at, n);
                    at = bytes;
                }
                const __m256i v = load(at);
                const __m256i up = _mm256_subs_epu8(v, from), down = _mm256_subs_epu8(from, v);
                up0 = _mm256_add_epi16(up0, _mm256_unpacklo_epi8(up, zero));
                up1 = _mm256_add_epi16(up1, _mm256_unpackhi_epi8(up, zero));
                down0 = _mm256_add_epi16(down0, _mm256_unpacklo_epi8(down, zero));
                down1 = _mm256_add_epi16(down1, _mm256_unpackhi_epi8(down, zero));
            }
            add_sums(up0, up1, n, positive + c);
            add_sums(down0, down1, n, negative + c);
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
