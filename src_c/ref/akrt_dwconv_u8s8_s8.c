#include "akrt/kernels.h"

static uint8_t scaled_byte(const akrt_scaled *s, int32_t v, int32_t c) {
    const int32_t low = v > s->low[c] ? v : s->low[c];
    const int32_t bounded = low < s->high[c] ? low : s->high[c];
    const int32_t y = (bounded * s->mul[c] + s->add[c]) >> s->shift[c];
    return (uint8_t)(y < s->least ? s->least : y > s->most ? s->most : y);
}

static int32_t depthwise_sum(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                             int32_t border, int32_t x, int32_t y, int32_t c) {
    int32_t sum = 0;
    for (int32_t i = 0; i < w->size_x; i++) {
        const int32_t from_x = x * w->stride_x - w->pad_x + i;
        for (int32_t j = 0; j < w->size_y; j++, weights += w->channels) {
            const int32_t from_y = y * w->stride_y - w->pad_y + j;
            int32_t v = border;
            if (from_x >= 0 && from_x < w->in_x && from_y >= 0 && from_y < w->in_y) {
                const size_t at = (size_t)from_x * (size_t)w->in_y + (size_t)from_y;
                v = input[at * (size_t)w->channels + (size_t)c];
            }
            sum += v * weights[c];
        }
    }
    return sum;
}

void AKRT_FN(akrt_dwconv_u8s8_s8)(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                                  uint8_t border, const akrt_scaled *scaled, int32_t x,
                                  int32_t count, uint8_t *out) {
    for (int32_t row = x; row < x + count; row++) {
        for (int32_t y = 0; y < w->out_y; y++) {
            for (int32_t c = 0; c < w->channels; c++) {
                const int32_t sum = depthwise_sum(w, input, weights, border, row, y, c);
                const int32_t start = scaled->start != NULL ? scaled->start[c] : 0;
                *out++ = scaled_byte(scaled, sum + start, c);
            }
        }
    }
}
