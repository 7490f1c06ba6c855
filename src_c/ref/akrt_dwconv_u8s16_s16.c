#include "akrt/kernels.h"

#include <string.h>

#define LANES 32 /* channels at a time, a fixed number: compilers vectorise the loops over them */

#define AKRT_ROW row_any_s16
#define AKRT_TAP add_tap_s16
#define AKRT_SUM int16_t
#include "ref/akrt_dwconv_row.tmpl.h"

/* Three rows of LANES channels: the first column, and how far columns are apart. */
typedef struct rows3 {
    const uint8_t *row[3];
    size_t stride;
} rows3;

/* A 3x3 window that moves by one column. Each column of the input is read once: it completes an
 * output, continues the next and starts the one after that. taps is (3, 3, LANES). */
static void slide_3x3(const akrt_window *w, const rows3 *in, const int16_t *AKRT_RESTRICT taps,
                      size_t depth, int16_t *AKRT_RESTRICT out) {
    const int16_t *AKRT_RESTRICT k0 = taps, *AKRT_RESTRICT k1 = taps + 3 * LANES;
    const int16_t *AKRT_RESTRICT k2 = taps + 6 * LANES;
    int16_t started[LANES], continued[LANES], done[LANES];
    int32_t y = w->pad_y - 2;
    for (int32_t c = 0; c < LANES; c++) {
        started[c] = 0;
        continued[c] = 0;
    }
    for (int32_t column = 0; column < w->in_y; column++, y++) {
        const size_t at = (size_t)column * in->stride;
        const uint8_t *a0 = in->row[0] + at, *a1 = in->row[1] + at, *a2 = in->row[2] + at;
        for (int32_t c = 0; c < LANES; c++) {
            const int32_t v0 = a0[c], v1 = a1[c], v2 = a2[c];
            done[c] = (int16_t)(continued[c] + v0 * k0[2 * LANES + c] + v1 * k1[2 * LANES + c] +
                                v2 * k2[2 * LANES + c]);
            continued[c] = (int16_t)(started[c] + v0 * k0[LANES + c] + v1 * k1[LANES + c] +
                                     v2 * k2[LANES + c]);
            started[c] = (int16_t)(v0 * k0[c] + v1 * k1[c] + v2 * k2[c]);
        }
        if (y >= 0) {
            memcpy(out, done, sizeof done);
            out += depth;
        }
    }
    if (y >= 0 && y < w->out_y) {
        memcpy(out, continued, sizeof continued);
        out += depth;
    }
    if (y + 1 >= 0 && y + 1 < w->out_y) {
        memcpy(out, started, sizeof started);
    }
}

/* LANES channels of an output row. A row beyond the input has taps of zero, and stands for any. */
static void row_3x3(const akrt_window *w, const uint8_t *input, const int16_t *weights, int32_t x,
                    size_t depth, int16_t *out) {
    const size_t channels = (size_t)w->channels, length = (size_t)w->in_y * channels;
    int16_t taps[9 * LANES];
    rows3 in;
    in.stride = channels;
    for (int32_t i = 0; i < 3; i++) {
        const int32_t from_x = x * w->stride_x - w->pad_x + i;
        const int inside = from_x >= 0 && from_x < w->in_x;
        in.row[i] = input + (inside ? (size_t)from_x * length : 0);
        for (int32_t tap = 3 * i; tap < 3 * i + 3; tap++) {
            if (inside) {
                memcpy(taps + tap * LANES, weights + (size_t)tap * channels, LANES * sizeof *taps);
            } else {
                memset(taps + tap * LANES, 0, LANES * sizeof *taps);
            }
        }
    }
    slide_3x3(w, &in, taps, depth, out);
}

void AKRT_FN(akrt_dwconv_u8s16_s16)(const akrt_window *w, const uint8_t *input,
                                    const int16_t *weights, int32_t x, int32_t depth,
                                    int16_t *out) {
    int32_t c = 0;
    if (w->size_x == 3 && w->size_y == 3 && w->stride_y == 1) {
        for (; c + LANES <= w->channels; c += LANES) {
            row_3x3(w, input + c, weights + c, x, (size_t)depth, out + c);
        }
    }
    if (c < depth) {
        row_any_s16(w, input, weights, x, c, depth, out);
    }
}

#undef LANES
