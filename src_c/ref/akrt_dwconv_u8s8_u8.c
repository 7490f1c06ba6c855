#include "akrt/kernels.h"

static int32_t potential(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                         int32_t first_x, int32_t first_y) {
    const size_t channels = (size_t)w->channels;
    int32_t sum = 0;
    for (int32_t i = 0; i < w->size_x; i++) {
        for (int32_t j = 0; j < w->size_y; j++) {
            const int32_t x = first_x + i, y = first_y + j;
            if (x >= 0 && x < w->in_x && y >= 0 && y < w->in_y) {
                sum += input[((size_t)x * (size_t)w->in_y + (size_t)y) * channels] *
                       weights[((size_t)i * (size_t)w->size_y + (size_t)j) * channels];
            }
        }
    }
    return sum;
}

void AKRT_FN(akrt_dwconv_u8s8_u8)(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                                  const int32_t *offset, int32_t x, int32_t count, int32_t depth,
                                  uint8_t *out, int16_t *rest, uint32_t *spill) {
    for (int32_t row = x; row < x + count; row++) {
        for (int32_t y = 0; y < w->out_y; y++) {
            uint32_t any = 0;
            for (int32_t c = 0; c < depth; c++) {
                int32_t sum = 0;
                if (c < w->channels) {
                    sum = offset[c] + potential(w, input + c, weights + c,
                                                row * w->stride_x - w->pad_x,
                                                y * w->stride_y - w->pad_y);
                }
                const int32_t low = sum & 0xFF;
                out[c] = (uint8_t)low;
                rest[c] = (int16_t)(sum - low);
                any |= sum != low;
            }
            *spill++ = any;
            out += depth;
            rest += depth;
        }
    }
}
