#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"

/* Bits from..to of a mask, 0 <= from <= to <= 64. */
static inline __mmask64 bits(int32_t from, int32_t to) {
    const uint64_t below = to >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << to) - 1;
    return from >= 64 ? 0 : below & ~((UINT64_C(1) << from) - 1);
}

static inline int32_t within(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

void AKRT_FN(akrt_patches_u8)(const akrt_window *w, const uint8_t *input, int32_t x, int32_t count,
                              uint8_t border, int32_t depth, uint8_t *patches) {
    const __m512i outside = _mm512_set1_epi8((char)border);
    const ptrdiff_t pixel = w->channels, line = pixel * w->in_y;
    const int32_t length = w->size_y * w->channels; /* of a row of the window */
    for (int32_t row = x; row < x + count; row++) {
        const int32_t first_x = row * w->stride_x - w->pad_x;
        for (int32_t y = 0; y < w->out_y; y++, patches += depth) {
            const int32_t first_y = y * w->stride_y - w->pad_y;
            const int32_t from = within(-first_y * w->channels, 0, length);
            const int32_t to = within((w->in_y - first_y) * w->channels, from, length);
            uint8_t *target = patches;
            for (int32_t i = first_x; i < first_x + w->size_x; i++, target += length) {
                const int inside = i >= 0 && i < w->in_x;
                const uint8_t *source = input + i * line + first_y * pixel;
                if (length <= 16) {
                    const __mmask16 mask = (__mmask16)(inside ? bits(from, to) : 0);
                    _mm_storeu_si128(
                        (__m128i *)(void *)target,
                        _mm_mask_loadu_epi8(_mm512_castsi512_si128(outside), mask, source));
                    continue;
                }
                for (int32_t at = 0; at < length; at += 64) {
                    const __mmask64 mask =
                        inside ? bits(within(from - at, 0, 64), within(to - at, 0, 64)) : 0;
                    _mm512_storeu_si512(target + at,
                                        _mm512_mask_loadu_epi8(outside, mask, source + at));
                }
            }
        }
    }
}

#include "x86/target_end.h"
#endif
