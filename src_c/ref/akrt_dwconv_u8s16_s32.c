#include "akrt/kernels.h"

#include <string.h>

#define AKRT_ROW row_any_s32
#define AKRT_TAP add_tap_s32
#define AKRT_SUM int32_t
#include "ref/akrt_dwconv_row.tmpl.h"

/* Adds the taps that are outside the input. */
static void add_border(const akrt_window *w, const int16_t *AKRT_RESTRICT weights, int32_t border,
                       int32_t x, int32_t y, int32_t *AKRT_RESTRICT sum) {
    for (int32_t i = 0; i < w->size_x; i++) {
        const int32_t from_x = x * w->stride_x - w->pad_x + i;
        for (int32_t j = 0; j < w->size_y; j++, weights += w->channels) {
            const int32_t from_y = y * w->stride_y - w->pad_y + j;
            if (from_x >= 0 && from_x < w->in_x && from_y >= 0 && from_y < w->in_y) {
                continue;
            }
            for (int32_t c = 0; c < w->channels; c++) {
                sum[c] += border * weights[c];
            }
        }
    }
}

void AKRT_FN(akrt_dwconv_u8s16_s32)(const akrt_window *w, const uint8_t *input,
                                    const int16_t *weights, uint8_t border, int32_t x,
                                    int32_t depth, int32_t *out) {
    row_any_s32(w, input, weights, x, 0, depth, out);
    for (int32_t y = 0; border && y < w->out_y; y++) {
        add_border(w, weights, border, x, y, out + (size_t)y * (size_t)depth);
    }
}
