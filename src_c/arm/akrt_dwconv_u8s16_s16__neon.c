#include "akrt/target.h"

#ifdef AKRT_ARM
#include "arm/target_neon.h"

#include "arm/depthwise.h"

#include <string.h>

AKRT_INLINE void whole_row(const akrt_window *w, const uint8_t *input, const int16_t *weights,
                           int32_t x, int32_t depth, int16_t *out, const int wide) {
    row3x3 r;
    start_row3x3(&r, w, input, x);
    for (int t = 0; t < 9; t++) {
        r.tap[t][0] = vld1q_s16(weights + t * r.channels);
        r.tap[t][1] = wide ? vld1q_s16(weights + t * r.channels + LANES) : r.tap[t][0];
    }
    for (int32_t y = 0; y < w->out_y; y++, out += depth) {
        int16x8_t sum[2] = {vdupq_n_s16(0), vdupq_n_s16(0)};
        add3x3(&r, y * w->stride_y - w->pad_y, wide, sum);
        vst1q_s16(out, sum[0]);
        if (wide) {
            vst1q_s16(out + LANES, sum[1]);
        }
    }
}

/* The channels from `c` on at one position. */
static void any_window(const akrt_window *w, const uint8_t *input, const int16_t *weights,
                       int32_t first_x, int32_t first_y, size_t c, int16_t *out) {
    const size_t channels = (size_t)w->channels;
    const inside t = taps_inside(w, first_x, first_y);
    while (c < channels) {
        const size_t lanes = channels - c < LANES ? 1 : LANES;
        int16x8_t sum = vdupq_n_s16(0);
        int32_t one = 0;
        for (int32_t i = t.i0; i < t.i1; i++) {
            for (int32_t j = t.j0; j < t.j1; j++) {
                const size_t at = (size_t)(first_x + i) * (size_t)w->in_y + (size_t)(first_y + j);
                const size_t tap = (size_t)i * (size_t)w->size_y + (size_t)j;
                const uint8_t *a = input + at * channels + c;
                const int16_t *k = weights + tap * channels + c;
                if (lanes == LANES) {
                    sum = vmlaq_s16(sum, widen(vld1_u8(a)), vld1q_s16(k));
                } else {
                    one += *a * *k;
                }
            }
        }
        if (lanes == LANES) {
            vst1q_s16(out + c, sum);
        } else {
            out[c] = (int16_t)one;
        }
        c += lanes;
    }
}

void AKRT_FN(akrt_dwconv_u8s16_s16)(const akrt_window *w, const uint8_t *input,
                                    const int16_t *weights, int32_t x, int32_t depth,
                                    int16_t *out) {
    const size_t channels = (size_t)w->channels;
    size_t done = 0;
    if (w->size_x == 3 && w->size_y == 3) {
        for (; done + 2 * LANES <= channels; done += 2 * LANES) {
            whole_row(w, input + done, weights + done, x, depth, out + done, 1);
        }
        if (done + LANES <= channels) {
            whole_row(w, input + done, weights + done, x, depth, out + done, 0);
            done += LANES;
        }
    }
    for (int32_t y = 0; y < w->out_y; y++, out += depth) {
        any_window(w, input, weights, x * w->stride_x - w->pad_x, y * w->stride_y - w->pad_y, done,
                   out);
        memset(out + channels, 0, ((size_t)depth - channels) * sizeof *out);
    }
}
#endif
