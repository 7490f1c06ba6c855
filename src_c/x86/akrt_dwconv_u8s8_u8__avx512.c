#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define GROUP 64 /* channels of a step: a register of bytes, four of sums */

/* One instruction and no more: compilers copy and spill accumulators around the intrinsic. */
AKRT_INLINE void dot_u8s8(__m512i *sum, __m512i a, __m512i w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(w));
}

/* What a row of positions needs: where to, and `mask`, which of the 64 channels exist. */
typedef struct target {
    uint8_t *low;
    int16_t *rest;
    uint32_t *spill;
    size_t depth;
    __mmask64 mask;
    int first; /* of the channel groups: it sets `spill`, the others add to it */
} target;

/* The bytes of three registers and zeros, interleaved: q[n] holds, in each of its four parts of
 * 16 bytes, those of channels 4 * n .. 4 * n + 3 of the 16 in the same part of a, b and c. */
AKRT_INLINE void interleave(__m512i a, __m512i b, __m512i c, __m512i q[4]) {
    const __m512i zero = _mm512_setzero_si512();
    const __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
    const __m512i c_low = _mm512_unpacklo_epi8(c, zero), c_high = _mm512_unpackhi_epi8(c, zero);
    q[0] = _mm512_unpacklo_epi16(ab_low, c_low);
    q[1] = _mm512_unpackhi_epi16(ab_low, c_low);
    q[2] = _mm512_unpacklo_epi16(ab_high, c_high);
    q[3] = _mm512_unpackhi_epi16(ab_high, c_high);
}

/* The numbers of 64 channels in the order that `interleave` leaves them in. */
AKRT_INLINE void start_values(const int32_t *offset, __m512i q[4]) {
    UNROLL
    for (int n = 0; n < 4; n++) {
        q[n] = _mm512_castsi128_si512(
            _mm_loadu_si128((const __m128i *)(const void *)(offset + 4 * n)));
        q[n] = _mm512_inserti32x4(
            q[n], _mm_loadu_si128((const __m128i *)(const void *)(offset + 16 + 4 * n)), 1);
        q[n] = _mm512_inserti32x4(
            q[n], _mm_loadu_si128((const __m128i *)(const void *)(offset + 32 + 4 * n)), 2);
        q[n] = _mm512_inserti32x4(
            q[n], _mm_loadu_si128((const __m128i *)(const void *)(offset + 48 + 4 * n)), 3);
    }
}

/* Two registers of 16-bit sums, as packing leaves them, of one position. */
AKRT_INLINE void store(const target *t, size_t position, __m512i v0, __m512i v1) {
    const __m512i high = _mm512_set1_epi16((short)0xFF00);
    const __m512i r0 = _mm512_and_si512(v0, high), r1 = _mm512_and_si512(v1, high);
    const __m512i bytes =
        _mm512_packus_epi16(_mm512_andnot_si512(high, v0), _mm512_andnot_si512(high, v1));
    const __m512i any = _mm512_or_si512(r0, r1);
    const uint32_t spilt = _mm512_test_epi32_mask(any, any);
    const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i odd = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    int16_t *rest = t->rest + position * t->depth;
    uint8_t *low = t->low + position * t->depth;
    t->spill[position] = t->first ? spilt : t->spill[position] | spilt;
    const __m512i rest0 = _mm512_permutex2var_epi64(r0, even, r1);
    const __m512i rest1 = _mm512_permutex2var_epi64(r0, odd, r1);
    if (t->mask == ~UINT64_C(0)) {
        _mm512_storeu_si512(low, bytes);
        _mm512_storeu_si512(rest, rest0);
        _mm512_storeu_si512(rest + 32, rest1);
    } else {
        _mm512_mask_storeu_epi8(low, t->mask, bytes);
        _mm512_mask_storeu_epi16(rest, (__mmask32)t->mask, rest0);
        _mm512_mask_storeu_epi16(rest + 32, (__mmask32)(t->mask >> 32), rest1);
    }
}

AKRT_INLINE void store_sums(const target *t, size_t position, const __m512i sum[4]) {
    store(t, position, _mm512_packs_epi32(sum[0], sum[1]), _mm512_packs_epi32(sum[2], sum[3]));
}

/* Three lines of the input side by side, along which a 3x3 window slides a column at a time:
 * rows, or columns where these are longer. */
typedef struct lines3 {
    const uint8_t *line[3];
    __mmask64 mask[3];             /* 0 for a line that is outside */
    ptrdiff_t step;                /* from one column to the next */
    int32_t columns, first, count; /* the first window's first column may be outside */
    size_t apart;                  /* output positions, of two windows */
} lines3;

AKRT_INLINE void load_column(const lines3 *in, int32_t column, __m512i q[4]) {
    const ptrdiff_t at = column * in->step;
    interleave(_mm512_maskz_loadu_epi8(in->mask[0], in->line[0] + at),
               _mm512_maskz_loadu_epi8(in->mask[1], in->line[1] + at),
               _mm512_maskz_loadu_epi8(in->mask[2], in->line[2] + at), q);
}

/* A column goes into the sums of the three windows that it touches, if it is inside. */
AKRT_INLINE void add_column(const lines3 *in, int32_t column, __m512i taps[3][4], __m512i before[4],
                            __m512i here[4], __m512i after[4]) {
    if (column < in->columns) {
        __m512i q[4];
        load_column(in, column, q);
        UNROLL
        for (int n = 0; n < 4; n++) {
            dot_u8s8(&before[n], q[n], taps[2][n]);
            dot_u8s8(&here[n], q[n], taps[1][n]);
            dot_u8s8(&after[n], q[n], taps[0][n]);
        }
    }
}

/* The window that ends with a column; its sums are free for another then. */
AKRT_INLINE void add_last(const lines3 *in, int32_t window, __m512i taps[3][4],
                          const __m512i start[4], __m512i before[4], __m512i here[4],
                          __m512i after[4], const target *t) {
    add_column(in, in->first + window + 2, taps, before, here, after);
    store_sums(t, (size_t)window * in->apart, before);
    UNROLL
    for (int n = 0; n < 4; n++) {
        before[n] = start[n];
    }
}

/* Stride 1: each column is loaded once. The sums take turns, which saves copies. */
AKRT_INLINE void slide(const lines3 *in, __m512i taps[3][4], const __m512i start[4],
                       const target *t) {
    __m512i a[4], b[4], c[4];
    UNROLL
    for (int n = 0; n < 4; n++) {
        a[n] = b[n] = c[n] = start[n];
    }
    if (in->first >= 0) {
        add_column(in, in->first, taps, b, c, a);
        UNROLL
        for (int n = 0; n < 4; n++) {
            b[n] = c[n] = start[n];
        }
    }
    if (in->first >= -1) {
        add_column(in, in->first + 1, taps, c, a, b);
        UNROLL
        for (int n = 0; n < 4; n++) {
            c[n] = start[n];
        }
    }
    for (int32_t window = 0; window < in->count; window++) {
        add_last(in, window, taps, start, a, b, c, t);
        if (++window == in->count) {
            break;
        }
        add_last(in, window, taps, start, b, c, a, t);
        if (++window == in->count) {
            break;
        }
        add_last(in, window, taps, start, c, a, b, t);
    }
}

static void row3x3(const akrt_window *w, const lines3 *in, __m512i taps[3][4],
                   const __m512i start[4], const target *t) {
    for (int32_t y = 0; y < w->out_y; y++) {
        __m512i sum[4] = {start[0], start[1], start[2], start[3]};
        for (int32_t j = 0; j < 3; j++) {
            const int32_t from = y * w->stride_y - w->pad_y + j;
            if (from < 0 || from >= w->in_y) {
                continue;
            }
            __m512i q[4];
            load_column(in, from, q);
            UNROLL
            for (int n = 0; n < 4; n++) {
                dot_u8s8(&sum[n], q[n], taps[j][n]);
            }
        }
        store_sums(t, (size_t)y, sum);
    }
}

/* Three lines `apart` bytes from each other, of `lines` that there are, from the `first` on. */
AKRT_INLINE void take_lines(lines3 *in, const uint8_t *input, int32_t first, int32_t lines,
                            ptrdiff_t apart, __mmask64 mask) {
    UNROLL
    for (int i = 0; i < 3; i++) {
        const int inside = first + i >= 0 && first + i < lines;
        in->mask[i] = inside ? mask : 0;
        in->line[i] = inside ? input + (first + i) * apart : input;
    }
}

static void group3x3(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                     const int32_t *offset, int32_t x, int32_t count, target t) {
    const ptrdiff_t channels = w->channels, row_bytes = channels * w->in_y;
    /* along the longer side, if the window moves by single steps there */
    const int down = w->stride_x == 1 && (count > w->out_y || w->stride_y != 1);
    const ptrdiff_t across = down ? channels : 3 * channels, along = down ? 3 * channels : channels;
    __m512i taps[3][4], start[4];
    for (ptrdiff_t j = 0; j < 3; j++) {
        const int8_t *k = weights + j * along;
        interleave(_mm512_maskz_loadu_epi8(t.mask, k), _mm512_maskz_loadu_epi8(t.mask, k + across),
                   _mm512_maskz_loadu_epi8(t.mask, k + 2 * across), taps[j]);
    }
    start_values(offset, start);
    lines3 in;
    in.step = down ? row_bytes : channels, in.columns = down ? w->in_x : w->in_y;
    in.first = down ? x - w->pad_x : -w->pad_y, in.count = down ? count : w->out_y;
    in.apart = down ? (size_t)w->out_y : 1;
    const int32_t lines = down ? w->out_y : count;
    const size_t next = down ? 1 : (size_t)w->out_y;
    for (int32_t n = 0; n < lines; n++) {
        if (down) {
            take_lines(&in, input, n * w->stride_y - w->pad_y, w->in_y, channels, t.mask);
        } else {
            take_lines(&in, input, (x + n) * w->stride_x - w->pad_x, w->in_x, row_bytes, t.mask);
        }
        if (down || w->stride_y == 1) {
            slide(&in, taps, start, &t);
        } else {
            row3x3(w, &in, taps, start, &t);
        }
        t.low += next * t.depth, t.rest += next * t.depth, t.spill += next;
    }
}

/* Any window, a tap at a time in 16 bits. */
static void group(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                  const int32_t *offset, int32_t x, int32_t count, target t) {
    const ptrdiff_t channels = w->channels;
    const __mmask64 mask = t.mask;
    __m512i start[4];
    start_values(offset, start);
    const __m512i start0 = _mm512_packs_epi32(start[0], start[1]);
    const __m512i start1 = _mm512_packs_epi32(start[2], start[3]);
    const __m512i zero = _mm512_setzero_si512();
    for (int32_t row = x; row < x + count; row++) {
        const int32_t first_x = row * w->stride_x - w->pad_x;
        const int32_t from_i = first_x < 0 ? -first_x : 0;
        const int32_t to_i = first_x + w->size_x > w->in_x ? w->in_x - first_x : w->size_x;
        for (int32_t y = 0; y < w->out_y; y++) {
            const int32_t first_y = y * w->stride_y - w->pad_y;
            const int32_t from_j = first_y < 0 ? -first_y : 0;
            const int32_t to_j = first_y + w->size_y > w->in_y ? w->in_y - first_y : w->size_y;
            __m512i sum0 = start0, sum1 = start1;
            for (int32_t i = from_i; i < to_i; i++) {
                const uint8_t *a =
                    input + ((ptrdiff_t)(first_x + i) * w->in_y + first_y + from_j) * channels;
                const int8_t *k = weights + ((ptrdiff_t)i * w->size_y + from_j) * channels;
                for (int32_t j = from_j; j < to_j; j++, a += channels, k += channels) {
                    const __m512i v = _mm512_maskz_loadu_epi8(mask, a);
                    const __m512i tap = _mm512_maskz_loadu_epi8(mask, k);
                    const __m512i low = _mm512_unpacklo_epi8(v, zero);
                    const __m512i high = _mm512_unpackhi_epi8(v, zero);
                    /* a byte unpacked with zeros before it and after it: 16 bits times 256 */
                    const __m512i tap_low = _mm512_srai_epi16(_mm512_unpacklo_epi8(zero, tap), 8);
                    const __m512i tap_high = _mm512_srai_epi16(_mm512_unpackhi_epi8(zero, tap), 8);
                    sum0 = _mm512_add_epi16(sum0, _mm512_mullo_epi16(low, tap_low));
                    sum1 = _mm512_add_epi16(sum1, _mm512_mullo_epi16(high, tap_high));
                }
            }
            store(&t, (size_t)y, sum0, sum1);
        }
        t.low += (size_t)w->out_y * t.depth;
        t.rest += (size_t)w->out_y * t.depth;
        t.spill += w->out_y;
    }
}

void AKRT_FN(akrt_dwconv_u8s8_u8)(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                                  const int32_t *offset, int32_t x, int32_t count, int32_t depth,
                                  uint8_t *out, int16_t *rest, uint32_t *spill) {
    const size_t channels = (size_t)w->channels, tail = (size_t)depth - channels;
    for (size_t c = 0; c < channels; c += GROUP) {
        const size_t left = channels - c;
        const __mmask64 mask = left >= GROUP ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
        const target t = {out + c, rest + c, spill, (size_t)depth, mask, c == 0};
        if (w->size_x == 3 && w->size_y == 3) {
            group3x3(w, input + c, weights + c, offset + c, x, count, t);
        } else {
            group(w, input + c, weights + c, offset + c, x, count, t);
        }
    }
    if (tail) {
        const size_t positions = (size_t)count * (size_t)w->out_y;
        for (size_t p = 0; p < positions; p++) {
            memset(out + p * (size_t)depth + channels, 0, tail);
            memset(rest + p * (size_t)depth + channels, 0, tail * sizeof *rest);
        }
    }
}

#include "x86/target_end.h"
#endif
