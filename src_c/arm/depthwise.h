/* Sums of a depthwise convolution's windows, in registers of 8 channels. */
#ifndef AKRT_ARM_DEPTHWISE_H
#define AKRT_ARM_DEPTHWISE_H

#include "akrt/kernels.h"

#include <arm_neon.h>

#define LANES 8 /* channels in a register */

/* Reading here instead of outside the input makes the border zero. */
static const uint8_t border[2 * LANES];

/* One output row of a 3x3 window, for one or two registers of channels: the nine weights stay in
 * registers along the row. */
typedef struct row3x3 {
    const uint8_t *row[3]; /* the input's rows under the window; `border` outside */
    int whole;             /* all three are inside */
    int32_t in_y;
    ptrdiff_t channels;
    int16x8_t tap[9][2];
} row3x3;

static inline int16x8_t widen(uint8x8_t v) { return vreinterpretq_s16_u16(vmovl_u8(v)); }

/* All but the weights. */
static inline void start_row3x3(row3x3 *r, const akrt_window *w, const uint8_t *input, int32_t x) {
    r->in_y = w->in_y;
    r->channels = w->channels;
    r->whole = 1;
    for (int i = 0; i < 3; i++) {
        const int32_t from_x = x * w->stride_x - w->pad_x + i;
        const int inside = from_x >= 0 && from_x < w->in_x;
        r->row[i] = inside ? input + (ptrdiff_t)from_x * w->in_y * r->channels : border;
        r->whole &= inside;
    }
}

/* sum += the taps of column j, read at from[0..2] + at. */
AKRT_INLINE void add_column(const row3x3 *r, const uint8_t *const from[3], ptrdiff_t at, int j,
                            const int wide, int16x8_t sum[2]) {
    for (int i = 0; i < 3; i++) {
        if (wide) {
            const uint8x16_t v = vld1q_u8(from[i] + at);
            sum[0] = vmlaq_s16(sum[0], widen(vget_low_u8(v)), r->tap[3 * i + j][0]);
            sum[1] = vmlaq_s16(sum[1], widen(vget_high_u8(v)), r->tap[3 * i + j][1]);
        } else {
            sum[0] = vmlaq_s16(sum[0], widen(vld1_u8(from[i] + at)), r->tap[3 * i + j][0]);
        }
    }
}

/* sum += the window whose first column is first_y; `wide`: two registers. */
AKRT_INLINE void add3x3(const row3x3 *r, int32_t first_y, const int wide, int16x8_t sum[2]) {
    if (r->whole && first_y >= 0 && first_y + 2 < r->in_y) {
        const ptrdiff_t at = first_y * r->channels;
        for (int j = 0; j < 3; j++) {
            add_column(r, r->row, at + j * r->channels, j, wide, sum);
        }
        return;
    }
    for (int j = 0; j < 3; j++) {
        const uint8_t *from[3];
        const int inside = first_y + j >= 0 && first_y + j < r->in_y;
        for (int i = 0; i < 3; i++) {
            from[i] =
                inside && r->row[i] != border ? r->row[i] + (first_y + j) * r->channels : border;
        }
        add_column(r, from, 0, j, wide, sum);
    }
}

/* The taps of the window at (first_x, first_y) that are inside the input: i0..i1 by j0..j1. */
typedef struct inside {
    int32_t i0, i1, j0, j1;
} inside;

static inline inside taps_inside(const akrt_window *w, int32_t first_x, int32_t first_y) {
    inside t;
    t.i0 = first_x < 0 ? -first_x : 0;
    t.i1 = first_x + w->size_x > w->in_x ? w->in_x - first_x : w->size_x;
    t.j0 = first_y < 0 ? -first_y : 0;
    t.j1 = first_y + w->size_y > w->in_y ? w->in_y - first_y : w->size_y;
    return t;
}

#endif
