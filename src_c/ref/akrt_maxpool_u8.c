#include "akrt/kernels.h"

static void larger(const uint8_t *AKRT_RESTRICT a, size_t n, uint8_t *AKRT_RESTRICT out) {
    for (size_t c = 0; c < n; c++) {
        out[c] = a[c] > out[c] ? a[c] : out[c];
    }
}

void AKRT_FN(akrt_maxpool_u8)(const akrt_window *w, const uint8_t *input, uint8_t *out) {
    const size_t channels = (size_t)w->channels;
    for (int32_t x = 0; x < w->out_x; x++) {
        for (int32_t y = 0; y < w->out_y; y++) {
            for (size_t c = 0; c < channels; c++) {
                out[c] = 0;
            }
            for (int32_t i = 0; i < w->size_x; i++) {
                const int32_t from_x = x * w->stride_x - w->pad_x + i;
                if (from_x < 0 || from_x >= w->in_x) {
                    continue;
                }
                for (int32_t j = 0; j < w->size_y; j++) {
                    const int32_t from_y = y * w->stride_y - w->pad_y + j;
                    if (from_y >= 0 && from_y < w->in_y) {
                        const size_t at = (size_t)from_x * (size_t)w->in_y + (size_t)from_y;
                        larger(input + at * channels, channels, out);
                    }
                }
            }
            out += channels;
        }
    }
}
