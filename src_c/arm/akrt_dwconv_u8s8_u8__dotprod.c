#include "akrt/target.h"

#ifdef AKRT_ARM
#include "arm/target_dotprod.h"

#include "arm/depthwise.h"

#include <string.h>

/* The low bytes of a register of sums, and the rest, which is also returned. */
AKRT_INLINE uint16x8_t split(int16x8_t sum, uint8_t *out, int16_t *rest) {
    const uint16x8_t all = vreinterpretq_u16_s16(sum);
    const uint16x8_t high = vbicq_u16(all, vdupq_n_u16(0xFF));
    vst1_u8(out, vmovn_u16(all));
    vst1q_s16(rest, vreinterpretq_s16_u16(high));
    return high;
}

/* Offsets fit 16 bits: the sums with them do. */
AKRT_INLINE int16x8_t load_offset(const int32_t *from) {
    return vcombine_s16(vmovn_s32(vld1q_s32(from)), vmovn_s32(vld1q_s32(from + 4)));
}

AKRT_INLINE void whole_row(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                           const int32_t *offset, int32_t x, int32_t depth, uint8_t *out,
                           int16_t *rest, uint32_t *spill, const int wide) {
    row3x3 r;
    start_row3x3(&r, w, input, x);
    for (int t = 0; t < 9; t++) {
        r.tap[t][0] = vmovl_s8(vld1_s8(weights + t * r.channels));
        r.tap[t][1] = wide ? vmovl_s8(vld1_s8(weights + t * r.channels + LANES)) : r.tap[t][0];
    }
    const int16x8_t start[2] = {load_offset(offset), load_offset(wide ? offset + LANES : offset)};
    for (int32_t y = 0; y < w->out_y; y++, out += depth, rest += depth) {
        int16x8_t sum[2] = {start[0], start[1]};
        add3x3(&r, y * w->stride_y - w->pad_y, wide, sum);
        uint16x8_t high = split(sum[0], out, rest);
        if (wide) {
            high = vorrq_u16(high, split(sum[1], out + LANES, rest + LANES));
        }
        spill[y] |= vmaxvq_u16(high);
    }
}

/* The channels from `c` on at one position. */
static void any_window(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                       const int32_t *offset, int32_t first_x, int32_t first_y, size_t c,
                       uint8_t *out, int16_t *rest, uint32_t *spill) {
    const size_t channels = (size_t)w->channels;
    const inside t = taps_inside(w, first_x, first_y);
    while (c < channels) {
        const size_t lanes = channels - c < LANES ? 1 : LANES;
        int16x8_t sum = lanes == LANES ? load_offset(offset + c) : vdupq_n_s16(0);
        int32_t one = offset[c];
        for (int32_t i = t.i0; i < t.i1; i++) {
            for (int32_t j = t.j0; j < t.j1; j++) {
                const size_t at = (size_t)(first_x + i) * (size_t)w->in_y + (size_t)(first_y + j);
                const size_t tap = (size_t)i * (size_t)w->size_y + (size_t)j;
                const uint8_t *a = input + at * channels + c;
                const int8_t *k = weights + tap * channels + c;
                if (lanes == LANES) {
                    sum = vmlaq_s16(sum, widen(vld1_u8(a)), vmovl_s8(vld1_s8(k)));
                } else {
                    one += *a * *k;
                }
            }
        }
        if (lanes == LANES) {
            *spill |= vmaxvq_u16(split(sum, out + c, rest + c));
        } else {
            out[c] = (uint8_t)(one & 0xFF);
            rest[c] = (int16_t)(one - (one & 0xFF));
            *spill |= rest[c] != 0;
        }
        c += lanes;
    }
}

void AKRT_FN(akrt_dwconv_u8s8_u8)(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                                  const int32_t *offset, int32_t x, int32_t count, int32_t depth,
                                  uint8_t *out, int16_t *rest, uint32_t *spill) {
    const size_t channels = (size_t)w->channels, tail = (size_t)depth - channels;
    for (int32_t row = x; row < x + count; row++) {
        size_t done = 0;
        memset(spill, 0, (size_t)w->out_y * sizeof *spill);
        if (w->size_x == 3 && w->size_y == 3) {
            for (; done + 2 * LANES <= channels; done += 2 * LANES) {
                whole_row(w, input + done, weights + done, offset + done, row, depth, out + done,
                          rest + done, spill, 1);
            }
            if (done + LANES <= channels) {
                whole_row(w, input + done, weights + done, offset + done, row, depth, out + done,
                          rest + done, spill, 0);
                done += LANES;
            }
        }
        for (int32_t y = 0; y < w->out_y; y++, out += depth, rest += depth, spill++) {
            any_window(w, input, weights, offset, row * w->stride_x - w->pad_x,
                       y * w->stride_y - w->pad_y, done, out, rest, spill);
            memset(out + channels, 0, tail);
            memset(rest + channels, 0, tail * sizeof *rest);
        }
    }
}

#include "arm/target_end.h"
#endif
