#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#define GROUP 64 /* channels of a step: a register of bytes, four of sums */

/* One instruction and no more: compilers copy and spill accumulators around the intrinsic. */
AKRT_INLINE void dot_u8s8(__m512i *sum, __m512i a, __m512i w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(w));
}

/* The bytes of four registers, interleaved: q[n] holds, in each of its four parts of 16 bytes,
 * those of channels 4 * n .. 4 * n + 3 of the 16 in the same part of a, b, c and d. */
AKRT_INLINE void interleave(__m512i a, __m512i b, __m512i c, __m512i d, __m512i q[4]) {
    const __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
    const __m512i cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
    q[0] = _mm512_unpacklo_epi16(ab_low, cd_low);
    q[1] = _mm512_unpackhi_epi16(ab_low, cd_low);
    q[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
    q[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
}

/* The numbers of 64 channels, of which `mask` exist, in the order that `interleave` leaves. */
AKRT_INLINE void in_order(const int32_t *numbers, __mmask64 mask, __m512i q[4]) {
    __m512i part[4];
    UNROLL
    for (int p = 0; p < 4; p++) {
        part[p] = _mm512_maskz_loadu_epi32((__mmask16)(mask >> (16 * p)), numbers + 16 * p);
    }
    /* a transposition of quarters */
    const __m512i a = _mm512_shuffle_i32x4(part[0], part[1], 0x44);
    const __m512i b = _mm512_shuffle_i32x4(part[0], part[1], 0xEE);
    const __m512i c = _mm512_shuffle_i32x4(part[2], part[3], 0x44);
    const __m512i d = _mm512_shuffle_i32x4(part[2], part[3], 0xEE);
    q[0] = _mm512_shuffle_i32x4(a, c, 0x88);
    q[1] = _mm512_shuffle_i32x4(a, c, 0xDD);
    q[2] = _mm512_shuffle_i32x4(b, d, 0x88);
    q[3] = _mm512_shuffle_i32x4(b, d, 0xDD);
}

/* The constants of 64 channels. */
typedef struct constants {
    __m512i start[4], low[4], high[4], mul[4], add[4], shift[4], least, most;
    __mmask64 mask;
} constants;

static void load_constants(const akrt_scaled *s, size_t at, __mmask64 mask, constants *k) {
    if (s->start != NULL) {
        in_order(s->start + at, mask, k->start);
    } else {
        k->start[0] = k->start[1] = k->start[2] = k->start[3] = _mm512_setzero_si512();
    }
    in_order(s->low + at, mask, k->low);
    in_order(s->high + at, mask, k->high);
    in_order(s->mul + at, mask, k->mul);
    in_order(s->add + at, mask, k->add);
    in_order(s->shift + at, mask, k->shift);
    k->least = _mm512_set1_epi16((short)s->least);
    k->most = _mm512_set1_epi16((short)s->most);
    k->mask = mask;
}

AKRT_INLINE void store(const constants *k, const __m512i sum[4], uint8_t *out) {
    __m512i y[4];
    UNROLL
    for (int n = 0; n < 4; n++) {
        const __m512i v = _mm512_min_epi32(_mm512_max_epi32(sum[n], k->low[n]), k->high[n]);
        y[n] = _mm512_srav_epi32(_mm512_add_epi32(_mm512_mullo_epi32(v, k->mul[n]), k->add[n]),
                                 k->shift[n]);
    }
    __m512i first = _mm512_packs_epi32(y[0], y[1]), second = _mm512_packs_epi32(y[2], y[3]);
    first = _mm512_min_epi16(_mm512_max_epi16(first, k->least), k->most);
    second = _mm512_min_epi16(_mm512_max_epi16(second, k->least), k->most);
    _mm512_mask_storeu_epi8(out, k->mask, _mm512_packs_epi16(first, second));
}

/* Three lines of the input side by side, along which a 3x3 window slides a column at a time. */
typedef struct lines3 {
    const uint8_t *line[3];
    __mmask64 mask[3]; /* 0 for a line that is outside */
    __m512i border;
    size_t step; /* from one column to the next */
    int32_t columns;
} lines3;

AKRT_INLINE void load_column(const lines3 *in, int32_t column, __m512i q[4]) {
    if (column < 0 || column >= in->columns) {
        q[0] = q[1] = q[2] = q[3] = in->border;
        return;
    }
    const size_t at = (size_t)column * in->step;
    interleave(_mm512_mask_loadu_epi8(in->border, in->mask[0], in->line[0] + at),
               _mm512_mask_loadu_epi8(in->border, in->mask[1], in->line[1] + at),
               _mm512_mask_loadu_epi8(in->border, in->mask[2], in->line[2] + at), in->border, q);
}

/* A column goes into the sums of the three windows that it touches; the window that ends with it
 * is stored, and its sums are free for another then. */
AKRT_INLINE void add_column(const lines3 *in, int32_t column, __m512i taps[3][4], __m512i before[4],
                            __m512i here[4], __m512i after[4]) {
    __m512i q[4];
    load_column(in, column, q);
    UNROLL
    for (int n = 0; n < 4; n++) {
        dot_u8s8(&before[n], q[n], taps[2][n]);
        dot_u8s8(&here[n], q[n], taps[1][n]);
        dot_u8s8(&after[n], q[n], taps[0][n]);
    }
}

AKRT_INLINE void add_last(const lines3 *in, int32_t column, __m512i taps[3][4], const constants *k,
                          __m512i before[4], __m512i here[4], __m512i after[4], uint8_t *out) {
    add_column(in, column, taps, before, here, after);
    store(k, before, out);
    UNROLL
    for (int n = 0; n < 4; n++) {
        before[n] = k->start[n];
    }
}

/* Windows one column apart: each column is loaded once. The sums take turns, which saves copies. */
static void slide(const lines3 *in, int32_t first, int32_t count, __m512i taps[3][4],
                  const constants *k, size_t apart, uint8_t *out) {
    __m512i a[4], b[4], c[4];
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

static void step_row(const lines3 *in, int32_t first, int32_t stride, int32_t count,
                     __m512i taps[3][4], const constants *k, size_t apart, uint8_t *out) {
    for (int32_t n = 0; n < count; n++, out += apart) {
        __m512i sum[4] = {k->start[0], k->start[1], k->start[2], k->start[3]};
        UNROLL
        for (int j = 0; j < 3; j++) {
            __m512i q[4];
            load_column(in, first + n * stride + j, q);
            UNROLL
            for (int i = 0; i < 4; i++) {
                dot_u8s8(&sum[i], q[i], taps[j][i]);
            }
        }
        store(k, sum, out);
    }
}

static void group3x3(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                     uint8_t border, const constants *k, int32_t x, int32_t count, uint8_t *out) {
    const size_t channels = (size_t)w->channels, row_bytes = channels * (size_t)w->in_y;
    /* along the longer side, if the window moves by single steps there */
    const int down = w->stride_x == 1 && (count > w->out_y || w->stride_y != 1);
    const size_t across = down ? channels : 3 * channels, along = down ? 3 * channels : channels;
    __m512i taps[3][4];
    const __m512i zero = _mm512_setzero_si512();
    for (size_t j = 0; j < 3; j++) {
        const int8_t *tap = weights + j * along;
        interleave(_mm512_maskz_loadu_epi8(k->mask, tap),
                   _mm512_maskz_loadu_epi8(k->mask, tap + across),
                   _mm512_maskz_loadu_epi8(k->mask, tap + 2 * across), zero, taps[j]);
    }
    lines3 in;
    in.border = _mm512_set1_epi8((char)border);
    in.step = down ? row_bytes : channels;
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
            in.mask[i] = inside ? k->mask : 0;
            in.line[i] = inside ? input + (size_t)(from + i) * line_bytes : input;
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

/* The bytes under tap t of the window at (x, y). */
AKRT_INLINE __m512i tap_bytes(const akrt_window *w, const uint8_t *input, int32_t x, int32_t y,
                              int32_t t, __m512i border, __mmask64 mask) {
    const int32_t from_x = x * w->stride_x - w->pad_x + t / w->size_y;
    const int32_t from_y = y * w->stride_y - w->pad_y + t % w->size_y;
    if (t >= w->size_x * w->size_y || from_x < 0 || from_x >= w->in_x || from_y < 0 ||
        from_y >= w->in_y) {
        return border;
    }
    const size_t at = (size_t)from_x * (size_t)w->in_y + (size_t)from_y;
    return _mm512_mask_loadu_epi8(border, mask, input + at * (size_t)w->channels);
}

/* Any window, four taps at a time; the weights beyond the last are zero. */
static void group(const akrt_window *w, const uint8_t *input, const int8_t *weights, uint8_t border,
                  const constants *k, int32_t x, int32_t count, uint8_t *out) {
    const size_t channels = (size_t)w->channels;
    const int32_t taps = w->size_x * w->size_y;
    const __m512i around = _mm512_set1_epi8((char)border);
    for (int32_t row = x; row < x + count; row++) {
        for (int32_t y = 0; y < w->out_y; y++, out += channels) {
            __m512i sum[4] = {k->start[0], k->start[1], k->start[2], k->start[3]};
            for (int32_t t = 0; t < taps; t += 4) {
                __m512i tap[4], byte[4], a[4], q[4];
                UNROLL
                for (int i = 0; i < 4; i++) {
                    const int exists = t + i < taps;
                    const int8_t *from = weights + (exists ? (size_t)(t + i) : 0) * channels;
                    tap[i] = _mm512_maskz_loadu_epi8(exists ? k->mask : 0, from);
                    byte[i] = tap_bytes(w, input, row, y, t + i, around, k->mask);
                }
                interleave(byte[0], byte[1], byte[2], byte[3], a);
                interleave(tap[0], tap[1], tap[2], tap[3], q);
                UNROLL
                for (int n = 0; n < 4; n++) {
                    dot_u8s8(&sum[n], a[n], q[n]);
                }
            }
            store(k, sum, out);
        }
    }
}

void AKRT_FN(akrt_dwconv_u8s8_s8)(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                                  uint8_t border, const akrt_scaled *scaled, int32_t x,
                                  int32_t count, uint8_t *out) {
    const size_t channels = (size_t)w->channels;
    for (size_t c = 0; c < channels; c += GROUP) {
        const size_t left = channels - c;
        constants k;
        load_constants(scaled, c, left >= GROUP ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1, &k);
        if (w->size_x == 3 && w->size_y == 3) {
            group3x3(w, input + c, weights + c, border, &k, x, count, out + c);
        } else {
            group(w, input + c, weights + c, border, &k, x, count, out + c);
        }
    }
}

#include "x86/target_end.h"
#endif
