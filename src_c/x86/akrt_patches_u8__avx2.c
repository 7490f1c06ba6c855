#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"

#include <string.h>

static inline int32_t within(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

void AKRT_FN(akrt_patches_u8)(const akrt_window *w, const uint8_t *input, int32_t x, int32_t count,
                              uint8_t border, int32_t depth, uint8_t *patches) {
    const __m128i outside = _mm_set1_epi8((char)border);
    const __m128i number = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const ptrdiff_t pixel = w->channels, line = pixel * w->in_y;
    const ptrdiff_t size = line * w->in_x;
    const int32_t length = w->size_y * w->channels; /* of a row of the window */
    for (int32_t row = x; row < x + count; row++) {
        const int32_t first_x = row * w->stride_x - w->pad_x;
        for (int32_t y = 0; y < w->out_y; y++, patches += depth) {
            const int32_t first_y = y * w->stride_y - w->pad_y;
            const int32_t from = within(-first_y * w->channels, 0, length);
            const int32_t to = within((w->in_y - first_y) * w->channels, from, length);
            const __m128i mask = _mm_and_si128(
                _mm_cmpgt_epi8(number, _mm_set1_epi8((char)(within(from, 0, 16) - 1))),
                _mm_cmpgt_epi8(_mm_set1_epi8((char)within(to, 0, 16)), number));
            uint8_t *target = patches;
            for (int32_t i = first_x; i < first_x + w->size_x; i++, target += length) {
                const ptrdiff_t at = i * line + first_y * pixel;
                const int inside = i >= 0 && i < w->in_x;
                if (inside && length <= 16 && at >= 0 && at + 16 <= size) {
                    const __m128i some =
                        _mm_loadu_si128((const __m128i *)(const void *)(input + at));
                    _mm_storeu_si128((__m128i *)(void *)target,
                                     _mm_blendv_epi8(outside, some, mask));
                    continue;
                }
                if (!inside || to == from) {
                    memset(target, border, (size_t)length);
                    continue;
                }
                memset(target, border, (size_t)from);
                memcpy(target + from, input + at + from, (size_t)(to - from));
                memset(target + to, border, (size_t)(length - to));
            }
        }
    }
}

#include "x86/target_end.h"
#endif
