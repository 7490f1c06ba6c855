#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define LANES 16 /* channels in a register */

/* Reading here instead of outside the input makes the border zero. */
static const uint8_t border[LANES];

/* 3x3, a whole register of channels: the nine weights stay in registers along the row. */
static void row3x3(const akrt_window *w, const uint8_t *input, const int16_t *weights, int32_t x,
                   int32_t depth, int16_t *out) {
    const ptrdiff_t channels = w->channels;
    const int32_t first_x = x * w->stride_x - w->pad_x;
    __m256i tap[9];
    UNROLL
    for (int t = 0; t < 9; t++) {
        tap[t] = _mm256_loadu_si256((const __m256i *)(const void *)(weights + t * channels));
    }
    for (int32_t y = 0; y < w->out_y; y++) {
        const int32_t first_y = y * w->stride_y - w->pad_y;
        __m256i sum = _mm256_setzero_si256();
        UNROLL
        for (int t = 0; t < 9; t++) {
            const int32_t i = first_x + t / 3, j = first_y + t % 3;
            const int inside = i >= 0 && i < w->in_x && j >= 0 && j < w->in_y;
            const uint8_t *from = inside ? input + ((ptrdiff_t)i * w->in_y + j) * channels : border;
            const __m256i a =
                _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)from));
            sum = _mm256_add_epi16(sum, _mm256_mullo_epi16(a, tap[t]));
        }
        _mm256_storeu_si256((__m256i *)(void *)(out + (ptrdiff_t)y * depth), sum);
    }
}

/* Whole registers, or `n` elements and zeros. */
AKRT_INLINE __m256i load_u8(const uint8_t *from, size_t n) {
    uint8_t some[LANES] = {0};
    if (n < LANES) {
        memcpy(some, from, n);
        from = some;
    }
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)from));
}

AKRT_INLINE __m256i load_s16(const int16_t *from, size_t n) {
    int16_t some[LANES] = {0};
    if (n < LANES) {
        memcpy(some, from, n * sizeof *from);
        from = some;
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

AKRT_INLINE void store_s16(int16_t *to, __m256i value, size_t n) {
    if (n == LANES) {
        _mm256_storeu_si256((__m256i *)(void *)to, value);
    } else {
        int16_t some[LANES];
        _mm256_storeu_si256((__m256i *)(void *)some, value);
        memcpy(to, some, n * sizeof *to);
    }
}

void AKRT_FN(akrt_dwconv_u8s16_s16)(const akrt_window *w, const uint8_t *input,
                                    const int16_t *weights, int32_t x, int32_t depth,
                                    int16_t *out) {
    const size_t channels = (size_t)w->channels;
    if (w->size_x == 3 && w->size_y == 3 && channels % LANES == 0 && channels == (size_t)depth) {
        for (size_t c = 0; c < channels; c += LANES) {
            row3x3(w, input + c, weights + c, x, depth, out + c);
        }
        return;
    }
    const int32_t first_x = x * w->stride_x - w->pad_x;
    const int32_t from_i = first_x < 0 ? -first_x : 0;
    const int32_t to_i = first_x + w->size_x > w->in_x ? w->in_x - first_x : w->size_x;
    for (int32_t y = 0; y < w->out_y; y++, out += depth) {
        const int32_t first_y = y * w->stride_y - w->pad_y;
        const int32_t from_j = first_y < 0 ? -first_y : 0;
        const int32_t to_j = first_y + w->size_y > w->in_y ? w->in_y - first_y : w->size_y;
        for (size_t c = 0; c < channels; c += LANES) {
            const size_t left = channels - c < LANES ? channels - c : LANES;
            __m256i sum = _mm256_setzero_si256();
            for (int32_t i = from_i; i < to_i; i++) {
                const size_t at = (size_t)(first_x + i) * (size_t)w->in_y + (size_t)first_y;
                for (int32_t j = from_j; j < to_j; j++) {
                    const uint8_t *a = input + (at + (size_t)j) * channels + c;
                    const int16_t *k =
                        weights + ((size_t)i * (size_t)w->size_y + (size_t)j) * channels + c;
                    sum = _mm256_add_epi16(sum,
                                           _mm256_mullo_epi16(load_u8(a, left), load_s16(k, left)));
                }
            }
            store_s16(out + c, sum, left);
        }
        memset(out + channels, 0, ((size_t)depth - channels) * sizeof *out);
    }
}

#include "x86/target_end.h"
#endif
