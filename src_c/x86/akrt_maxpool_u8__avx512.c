#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"

#define GROUP 64 /* channels in a register */

/* What of a window is inside the input, along one axis. */
typedef struct span {
    int32_t from, to;
} span;

AKRT_INLINE span inside(int32_t first, int32_t size, int32_t end) {
    const span s = {first < 0 ? 0 : first, first + size < end ? first + size : end};
    return s;
}

/* The largest of each of up to GROUP channels over the pixels of a window. */
AKRT_INLINE __m512i largest(const uint8_t *input, size_t line, size_t channels, span x, span y,
                            __mmask64 mask) {
    __m512i most = _mm512_setzero_si512();
    for (int32_t i = x.from; i < x.to; i++) {
        const uint8_t *pixel = input + (size_t)i * line + (size_t)y.from * channels;
        for (int32_t j = y.from; j < y.to; j++, pixel += channels) {
            most = _mm512_max_epu8(most, _mm512_maskz_loadu_epi8(mask, pixel));
        }
    }
    return most;
}

void AKRT_FN(akrt_maxpool_u8)(const akrt_window *w, const uint8_t *input, uint8_t *out) {
    const size_t channels = (size_t)w->channels, line = channels * (size_t)w->in_y;
    for (int32_t row = 0; row < w->out_x; row++) {
        const span x = inside(row * w->stride_x - w->pad_x, w->size_x, w->in_x);
        for (int32_t column = 0; column < w->out_y; column++, out += channels) {
            const span y = inside(column * w->stride_y - w->pad_y, w->size_y, w->in_y);
            for (size_t c = 0; c < channels; c += GROUP) {
                const size_t left = channels - c;
                const __mmask64 mask = left >= GROUP ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
                _mm512_mask_storeu_epi8(out + c, mask,
                                        largest(input + c, line, channels, x, y, mask));
            }
        }
    }
}

#include "x86/target_end.h"
#endif
