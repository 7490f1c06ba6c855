#include "akrt/kernels.h"

#include <string.h>

static void add_tap_s32(const uint8_t *restrict a, const int16_t *restrict w, int32_t channels,
                        int32_t *restrict sum) {
    for (int32_t c = 0; c < channels; c++) {
        sum[c] += a[c] * w[c];
    }
}

void AKRT_FN(akrt_dwconv_u8s16_s32)(const akrt_window *w, const uint8_t *input,
                                    const int16_t *weights, int32_t x, int32_t depth,
                                    int32_t *out) {
    const size_t channels = (size_t)w->channels;
    memset(out, 0, (size_t)w->out_y * (size_t)depth * sizeof *out);
    for (int32_t y = 0; y < w->out_y; y++) {
        for (int32_t i = 0; i < w->size_x; i++) {
            const int32_t from_x = x * w->stride_x - w->pad_x + i;
            if (from_x < 0 || from_x >= w->in_x) {
                continue;
            }
            for (int32_t j = 0; j < w->size_y; j++) {
                const int32_t from_y = y * w->stride_y - w->pad_y + j;
                if (from_y >= 0 && from_y < w->in_y) {
                    const size_t at = (size_t)from_x * (size_t)w->in_y + (size_t)from_y;
                    const size_t tap = (size_t)i * (size_t)w->size_y + (size_t)j;
                    add_tap_s32(input + at * channels, weights + tap * channels, w->channels, out);
                }
            }
        }
        out += depth;
    }
}
