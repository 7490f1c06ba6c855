#include "akrt/kernels.h"

#include <string.h>

#define LANES 64 /* channels at a time, a fixed number: compilers vectorise the loops over them */
#define AT_ONCE 256 /* bytes that add up in 16 bits */

/* Sums of LANES channels over rows that are `stride` bytes apart. */
static void sum_lanes(const uint8_t *input, size_t stride, int32_t rows,
                      uint16_t *AKRT_RESTRICT out) {
    uint16_t sum[LANES];
    for (size_t c = 0; c < LANES; c++) {
        sum[c] = input[c];
    }
    for (int32_t x = 1; x < rows; x++) {
        input += stride;
        for (size_t c = 0; c < LANES; c++) {
            sum[c] = (uint16_t)(sum[c] + input[c]);
        }
    }
    for (size_t c = 0; c < LANES; c++) {
        out[c] = sum[c];
    }
}

static void sum_some(const uint8_t *input, size_t stride, int32_t rows, size_t n,
                     uint16_t *AKRT_RESTRICT out) {
    for (size_t c = 0; c < n; c++) {
        uint16_t sum = 0;
        for (int32_t x = 0; x < rows; x++) {
            sum = (uint16_t)(sum + input[(size_t)x * stride + c]);
        }
        out[c] = sum;
    }
}

/* Adds the column y of a row of the input, summed over `rows` rows, to the taps that meet it. */
static void add_column(const akrt_window *w, const uint8_t *row, int32_t rows, int32_t y,
                       int32_t *out) {
    const size_t channels = (size_t)w->channels;
    const size_t stride = (size_t)w->stride_x * (size_t)w->in_y * channels;
    for (size_t c = 0; c < channels; c += LANES) {
        const size_t n = channels - c < LANES ? channels - c : LANES;
        const uint8_t *input = row + (size_t)y * channels + c;
        uint16_t sum[LANES];
        if (n == LANES) {
            sum_lanes(input, stride, rows, sum);
        } else {
            sum_some(input, stride, rows, n, sum);
        }
        for (int32_t j = 0; j < w->size_y; j++) {
            const int32_t at = y + w->pad_y - j;
            if (at >= 0 && at % w->stride_y == 0 && at / w->stride_y < w->out_y) {
                int32_t *AKRT_RESTRICT to = out + (size_t)j * channels + c;
                for (size_t k = 0; k < n; k++) {
                    to[k] += sum[k];
                }
            }
        }
    }
}

void AKRT_FN(akrt_window_sums_u8)(const akrt_window *w, const uint8_t *input, int32_t *out) {
    const size_t line = (size_t)w->in_y * (size_t)w->channels;
    const size_t taps = (size_t)w->size_y * (size_t)w->channels;
    memset(out, 0, (size_t)w->size_x * taps * sizeof *out);
    for (int32_t i = 0; i < w->size_x; i++) {
        int32_t x = 0, end = w->out_x; /* the outputs whose tap is inside the input */
        while (x < end && x * w->stride_x - w->pad_x + i < 0) {
            x++;
        }
        while (end > x && (end - 1) * w->stride_x - w->pad_x + i >= w->in_x) {
            end--;
        }
        for (; x < end; x += AT_ONCE) {
            const uint8_t *row = input + (size_t)(x * w->stride_x - w->pad_x + i) * line;
            const int32_t rows = end - x < AT_ONCE ? end - x : AT_ONCE;
            for (int32_t y = 0; y < w->in_y; y++) {
                add_column(w, row, rows, y, out + (size_t)i * taps);
            }
        }
    }
}

#undef LANES
#undef AT_ONCE
