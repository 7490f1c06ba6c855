/* akrt_dwconv_u8s8_s8 for registers of any width. The file that includes it defines vec, GROUP (the
 * bytes of a register), VEC(the name of an intrinsic without its width) and, of registers,
 * load_bytes, store_bytes, zeros, load_numbers (which brings those of GROUP channels into the order
 * that `interleave` leaves) and dot_u8s8. */

#define MOST_PHASES 8 /* registers along which fewer channels than a register has repeat */

/* The constants of a register of channels, in the order that `interleave` leaves. */
typedef struct constants {
    vec start[4], low[4], high[4], mul[4], add[4], shift[4], least, most;
} constants;

/* The bytes of four registers, interleaved: q[n] holds, in each of its parts of 16 bytes, those of
 * channels 4 * n .. 4 * n + 3 of the 16 in the same part of a, b, c and d. */
AKRT_INLINE void interleave(vec a, vec b, vec c, vec d, vec q[4]) {
    const vec ab_low = VEC(unpacklo_epi8)(a, b), ab_high = VEC(unpackhi_epi8)(a, b);
    const vec cd_low = VEC(unpacklo_epi8)(c, d), cd_high = VEC(unpackhi_epi8)(c, d);
    q[0] = VEC(unpacklo_epi16)(ab_low, cd_low);
    q[1] = VEC(unpackhi_epi16)(ab_low, cd_low);
    q[2] = VEC(unpacklo_epi16)(ab_high, cd_high);
    q[3] = VEC(unpackhi_epi16)(ab_high, cd_high);
}

/* The outputs of sums in the order of `interleave`, in the order of channels. */
AKRT_INLINE vec outputs(const constants *k, const vec sum[4]) {
    vec y[4];
    UNROLL
    for (int n = 0; n < 4; n++) {
        const vec v = VEC(min_epi32)(VEC(max_epi32)(sum[n], k->low[n]), k->high[n]);
        y[n] = VEC(add_epi32)(VEC(mullo_epi32)(v, k->mul[n]), k->add[n]);
        y[n] = VEC(srav_epi32)(y[n], k->shift[n]);
    }
    vec first = VEC(packs_epi32)(y[0], y[1]), second = VEC(packs_epi32)(y[2], y[3]);
    first = VEC(min_epi16)(VEC(max_epi16)(first, k->least), k->most);
    second = VEC(min_epi16)(VEC(max_epi16)(second, k->least), k->most);
    return VEC(packs_epi16)(first, second);
}

/* `total` bytes: those of `from` again and again. */
static void repeat(void *to, const void *from, size_t bytes, size_t total) {
    uint8_t *const out = to;
    size_t done = bytes < total ? bytes : total;
    memcpy(out, from, done);
    while (done < total) {
        const size_t some = done < total - done ? done : total - done;
        memcpy(out + done, out, some);
        done += some;
    }
}

/* Constants of `phases` registers, along which those of the channels repeat. */
static void load_constants(const akrt_scaled *s, size_t first, size_t channels, size_t phases,
                           constants k[]) {
    static const int32_t none[GROUP];
    const size_t count = channels < GROUP ? channels : GROUP;
    int32_t all[MOST_PHASES * GROUP];
#define LOAD(field, from)                                                                          \
    repeat(all, from, count * sizeof *all, phases * GROUP * sizeof *all);                          \
    for (size_t p = 0; p < phases; p++) {                                                          \
        load_numbers(all + p * GROUP, k[p].field);                                                 \
    }
    LOAD(start, s->start != NULL ? s->start + first : none)
    LOAD(low, s->low + first)
    LOAD(high, s->high + first)
    LOAD(mul, s->mul + first)
    LOAD(add, s->add + first)
    LOAD(shift, s->shift + first)
#undef LOAD
    for (size_t p = 0; p < phases; p++) {
        k[p].least = VEC(set1_epi16)((short)s->least);
        k[p].most = VEC(set1_epi16)((short)s->most);
    }
}

/* Three lines side by side, along which a 3x3 window slides a column at a time. */
typedef struct lines3 {
    const uint8_t *line[3];
    size_t step[3]; /* from one column to the next; 0 in a line that is outside */
    vec border;
    int32_t columns;
} lines3;

AKRT_INLINE void load_column(const lines3 *in, int32_t column, vec q[4]) {
    if (column < 0 || column >= in->columns) {
        q[0] = q[1] = q[2] = q[3] = in->border;
        return;
    }
    const size_t at = (size_t)column;
    interleave(load_bytes(in->line[0] + at * in->step[0]),
               load_bytes(in->line[1] + at * in->step[1]),
               load_bytes(in->line[2] + at * in->step[2]), in->border, q);
}

/* A column goes into the sums of the three windows that it touches; the window that ends with it
 * is stored, and its sums are free for another then. */
AKRT_INLINE void add_column(const lines3 *in, int32_t column, vec taps[3][4], vec before[4],
                            vec here[4], vec after[4]) {
    vec q[4];
    load_column(in, column, q);
    UNROLL
    for (int n = 0; n < 4; n++) {
        dot_u8s8(&before[n], q[n], taps[2][n]);
        dot_u8s8(&here[n], q[n], taps[1][n]);
        dot_u8s8(&after[n], q[n], taps[0][n]);
    }
}

AKRT_INLINE void add_last(const lines3 *in, int32_t column, vec taps[3][4], const constants *k,
                          vec before[4], vec here[4], vec after[4], uint8_t *out) {
    add_column(in, column, taps, before, here, after);
    store_bytes(out, outputs(k, before));
    UNROLL
    for (int n = 0; n < 4; n++) {
        before[n] = k->start[n];
    }
}

/* Windows one column apart: each column is loaded once. The sums take turns, which saves copies. */
static void slide(const lines3 *in, int32_t first, int32_t count, vec taps[3][4],
                  const constants *k, size_t apart, uint8_t *out) {
    vec a[4], b[4], c[4];
    UNROLL
    for (int n = 0; n < 4; n++) {
        a[n] = b[n] = c[n] = k->start[n];
    }
    add_column(in, first, taps, b, c, a);
    UNROLL
    for (int n = 0; n < 4; n++) {
        b[n] = c[n] = k->start[n];
    }
    add_column(in, first + 1, taps, c, a, b);
    UNROLL
    for (int n = 0; n < 4; n++) {
        c[n] = k->start[n];
    }
    int32_t column = first + 2;
    const int32_t end = column + count;
    for (;;) {
        add_last(in, column, taps, k, a, b, c, out);
        out += apart;
        if (++column == end) {
            break;
        }
        add_last(in, column, taps, k, b, c, a, out);
        out += apart;
        if (++column == end) {
            break;
        }
        add_last(in, column, taps, k, c, a, b, out);
        out += apart;
        if (++column == end) {
            break;
        }
    }
}

static void step_row(const lines3 *in, int32_t first, int32_t stride, int32_t count, vec taps[3][4],
                     const constants *k, size_t apart, uint8_t *out) {
    for (int32_t n = 0; n < count; n++, out += apart) {
        vec sum[4] = {k->start[0], k->start[1], k->start[2], k->start[3]};
        UNROLL
        for (int j = 0; j < 3; j++) {
            vec q[4];
            load_column(in, first + n * stride + j, q);
            UNROLL
            for (int i = 0; i < 4; i++) {
                dot_u8s8(&sum[i], q[i], taps[j][i]);
            }
        }
        store_bytes(out, outputs(k, sum));
    }
}

/* A register of channels under a 3x3 window. */
static void group3x3(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                     uint8_t border, const constants *k, int32_t x, int32_t count, uint8_t *out) {
    const size_t channels = (size_t)w->channels, row_bytes = channels * (size_t)w->in_y;
    /* along the longer side, if the window moves by single steps there */
    const int down = w->stride_x == 1 && (count > w->out_y || w->stride_y != 1);
    const size_t across = down ? channels : 3 * channels, along = down ? 3 * channels : channels;
    vec taps[3][4];
    for (size_t j = 0; j < 3; j++) {
        const int8_t *tap = weights + j * along;
        interleave(load_bytes(tap), load_bytes(tap + across), load_bytes(tap + 2 * across), zeros(),
                   taps[j]);
    }
    uint8_t around[GROUP];
    memset(around, border, GROUP);
    lines3 in;
    in.border = VEC(set1_epi8)((char)border);
    in.columns = down ? w->in_x : w->in_y;
    const size_t line_bytes = down ? channels : row_bytes;
    const size_t out_row = channels * (size_t)w->out_y;
    const int32_t lines = down ? w->out_y : count;
    for (int32_t n = 0; n < lines; n++) {
        const int32_t from = down ? n * w->stride_y - w->pad_y : (x + n) * w->stride_x - w->pad_x;
        const int32_t there = down ? w->in_y : w->in_x;
        UNROLL
        for (int i = 0; i < 3; i++) {
            const int inside = from + i >= 0 && from + i < there;
            in.line[i] = inside ? input + (size_t)(from + i) * line_bytes : around;
            in.step[i] = !inside ? 0 : down ? row_bytes : channels;
        }
        if (down) {
            slide(&in, x - w->pad_x, count, taps, k, out_row, out + (size_t)n * channels);
        } else if (w->stride_y == 1) {
            slide(&in, -w->pad_y, w->out_y, taps, k, channels, out + (size_t)n * out_row);
        } else {
            step_row(&in, -w->pad_y, w->stride_y, w->out_y, taps, k, channels,
                     out + (size_t)n * out_row);
        }
    }
}

AKRT_INLINE vec load_some(const void *from, size_t n) {
    if (n >= GROUP) {
        return load_bytes(from);
    }
    uint8_t some[GROUP] = {0};
    memcpy(some, from, n);
    return load_bytes(some);
}

AKRT_INLINE void store_some(uint8_t *to, vec bytes, size_t n) {
    if (n >= GROUP) {
        store_bytes(to, bytes);
        return;
    }
    uint8_t some[GROUP];
    store_bytes(some, bytes);
    memcpy(to, some, n);
}

/* The `n` bytes under tap t of the window at (x, y). */
AKRT_INLINE vec tap_bytes(const akrt_window *w, const uint8_t *input, int32_t x, int32_t y,
                          int32_t t, vec border, size_t n) {
    const int32_t from_x = x * w->stride_x - w->pad_x + t / w->size_y;
    const int32_t from_y = y * w->stride_y - w->pad_y + t % w->size_y;
    if (t >= w->size_x * w->size_y || from_x < 0 || from_x >= w->in_x || from_y < 0 ||
        from_y >= w->in_y) {
        return border;
    }
    const size_t at = (size_t)from_x * (size_t)w->in_y + (size_t)from_y;
    return load_some(input + at * (size_t)w->channels, n);
}

/* Any window, four taps at a time; the weights beyond the last are zero. */
static void group(const akrt_window *w, const uint8_t *input, const int8_t *weights, uint8_t border,
                  const constants *k, int32_t x, int32_t count, uint8_t *out) {
    const size_t channels = (size_t)w->channels;
    const int32_t taps = w->size_x * w->size_y;
    const vec around = VEC(set1_epi8)((char)border);
    for (int32_t row = x; row < x + count; row++) {
        for (int32_t y = 0; y < w->out_y; y++, out += channels) {
            vec sum[4] = {k->start[0], k->start[1], k->start[2], k->start[3]};
            for (int32_t t = 0; t < taps; t += 4) {
                vec tap[4], byte[4], a[4], q[4];
                UNROLL
                for (int i = 0; i < 4; i++) {
                    const int8_t *from = weights + (size_t)(t + i) * channels;
                    tap[i] = t + i < taps ? load_some(from, channels) : zeros();
                    byte[i] = tap_bytes(w, input, row, y, t + i, around, channels);
                }
                interleave(byte[0], byte[1], byte[2], byte[3], a);
                interleave(tap[0], tap[1], tap[2], tap[3], q);
                UNROLL
                for (int n = 0; n < 4; n++) {
                    dot_u8s8(&sum[n], a[n], q[n]);
                }
            }
            store_some(out, outputs(k, sum), channels);
        }
    }
}

#include "x86/depthwise_scaled_few.tmpl.h"

void AKRT_FN(akrt_dwconv_u8s8_s8)(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                                  uint8_t border, const akrt_scaled *scaled, int32_t x,
                                  int32_t count, uint8_t *out) {
    const size_t channels = (size_t)w->channels;
    const int is3x3 = w->size_x == 3 && w->size_y == 3;
    constants k;
    if (channels < GROUP) {
        const size_t phases = phases_of(channels);
        if (is3x3 && w->stride_y <= 2 && phases <= MOST_PHASES) {
            few_channels(w, input, weights, border, scaled, phases, x, count, out);
        } else {
            load_constants(scaled, 0, channels, 1, &k);
            group(w, input, weights, border, &k, x, count, out);
        }
        return;
    }
    for (size_t c = 0; c < channels; c += GROUP) {
        c = c + GROUP > channels ? channels - GROUP : c; /* some once more */
        load_constants(scaled, c, channels, 1, &k);
        if (is3x3) {
            group3x3(w, input + c, weights + c, border, &k, x, count, out + c);
        } else {
            group(w, input + c, weights + c, border, &k, x, count, out + c);
        }
    }
}
