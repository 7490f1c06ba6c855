#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#include "x86/depthwise_256.h"
#include "x86/depthwise_few_256.h"

#define READY 32 /* pairs of taps that wait in order */

/* Three lines of the input side by side, along which a 3x3 window slides a column at a time:
 * rows, or columns where these are longer. A line that is outside is zeros that lead nowhere. */
typedef struct lines3 {
    const uint8_t *line[3], *end;
    ptrdiff_t step[3];             /* from one column to the next */
    int32_t columns, first, count; /* the first window's first column may be outside */
    size_t apart;                  /* output positions, of two windows */
} lines3;

/* One column; its lines may end with the input. */
AKRT_INLINE void load_column(const lines3 *in, ptrdiff_t column, size_t n, __m256i line[3]) {
    UNROLL
    for (int i = 0; i < 3; i++) {
        const size_t some = in->step[i] == 0 ? GROUP : n;
        line[i] = load_some(in->line[i] + column * in->step[i], some, in->end);
    }
}

/* Stride 1: each column is loaded once and goes into the sums of the three windows that it
 * touches. whole: all 32 channels exist, which t->n may say too. */
AKRT_INLINE void slide(const lines3 *in, __m256i taps[3][4], const __m256i start[2],
                       const target *t, const int whole) {
    const uint8_t *line0 = in->line[0], *line1 = in->line[1], *line2 = in->line[2];
    const ptrdiff_t step0 = in->step[0], step1 = in->step[1], step2 = in->step[2];
    const size_t apart = in->apart, bytes = apart * t->depth;
    const int32_t columns = in->columns, count = in->count;
    uint8_t *low = t->low;
    int16_t *rest = t->rest;
    uint32_t *spill = t->spill;
    const uint32_t keep = t->first ? 0 : ~0u;
    __m256i before[2], here[2], after[2];
    UNROLL
    for (int n = 0; n < 2; n++) {
        before[n] = here[n] = after[n] = start[n];
    }
    int32_t column = in->first < 0 ? 0 : in->first;
    line0 += column * step0, line1 += column * step1, line2 += column * step2;
    for (int32_t window = column - in->first - 2; window < count; window++, column++) {
        if (column < columns) {
            __m256i line[3], q[4];
            if (whole) {
                line[0] = load(line0), line[1] = load(line1), line[2] = load(line2);
                line0 += step0, line1 += step1, line2 += step2;
            } else {
                load_column(in, column, t->n, line);
            }
            interleave(line, q);
            add_taps(before, q, taps[2]);
            add_taps(here, q, taps[1]);
            add_taps(after, q, taps[0]);
        }
        if (window >= 0) {
            const uint32_t spilt =
                whole ? store_whole(low, rest, before) : store_sums(t, low, rest, before);
            *spill = (*spill & keep) | spilt;
            low += bytes, rest += bytes, spill += apart;
        }
        UNROLL
        for (int n = 0; n < 2; n++) {
            before[n] = here[n], here[n] = after[n], after[n] = start[n];
        }
    }
}

static void row3x3(const akrt_window *w, const lines3 *in, __m256i taps[3][4],
                   const __m256i start[2], const target *t) {
    for (int32_t y = 0; y < w->out_y; y++) {
        __m256i sum[2] = {start[0], start[1]};
        for (int32_t j = 0; j < 3; j++) {
            const int32_t from = y * w->stride_y - w->pad_y + j;
            if (from >= 0 && from < w->in_y) {
                __m256i line[3], q[4];
                load_column(in, from, t->n, line);
                interleave(line, q);
                add_taps(sum, q, taps[j]);
            }
        }
        store_position(t, (size_t)y, sum);
    }
}

/* Three lines `apart` bytes from each other, of `lines` that there are, from the `first` on. */
AKRT_INLINE void take_lines(lines3 *in, const uint8_t *input, int32_t first, int32_t lines,
                            ptrdiff_t apart, ptrdiff_t step) {
    static const uint8_t zeros[GROUP];
    UNROLL
    for (int i = 0; i < 3; i++) {
        const int inside = first + i >= 0 && first + i < lines;
        in->line[i] = inside ? input + (first + i) * apart : zeros;
        in->step[i] = inside ? step : 0;
    }
}

static void group3x3(const akrt_window *w, const source *from, int32_t x, int32_t count, target t) {
    const ptrdiff_t channels = w->channels, row_bytes = channels * w->in_y;
    /* along the longer side, if the window moves by single steps there */
    const int down = w->stride_x == 1 && (count > w->out_y || w->stride_y != 1);
    const ptrdiff_t across = down ? channels : 3 * channels, along = down ? 3 * channels : channels;
    __m256i taps[3][4], start[2];
    for (ptrdiff_t j = 0; j < 3; j++) {
        __m256i line[3];
        for (ptrdiff_t i = 0; i < 3; i++) {
            const int8_t *k = from->weights + j * along + i * across;
            line[i] = load_some(k, t.n, from->weights_end);
        }
        interleave(line, taps[j]);
    }
    start_values(from->offset, start);
    lines3 in;
    in.end = from->input_end;
    in.columns = down ? w->in_x : w->in_y, in.first = down ? x - w->pad_x : -w->pad_y;
    in.count = down ? count : w->out_y, in.apart = down ? (size_t)w->out_y : 1;
    const int32_t lines = down ? w->out_y : count;
    const size_t next = down ? 1 : (size_t)w->out_y;
    for (int32_t n = 0; n < lines; n++) {
        if (down) {
            take_lines(&in, from->input, n * w->stride_y - w->pad_y, w->in_y, channels, row_bytes);
        } else {
            take_lines(&in, from->input, (x + n) * w->stride_x - w->pad_x, w->in_x, row_bytes,
                       channels);
        }
        if (t.n == GROUP && (down || w->stride_y == 1)) {
            slide(&in, taps, start, &t, 1);
        } else if (down || w->stride_y == 1) {
            slide(&in, taps, start, &t, 0);
        } else {
            row3x3(w, &in, taps, start, &t);
        }
        t.low += next * t.depth, t.rest += next * t.depth, t.spill += next;
    }
}

/* The taps 2 * p and 2 * p + 1 of a line of the window, channel by channel in turn. */
AKRT_INLINE void pair_taps(const akrt_window *w, const source *from, int32_t i, int32_t p, size_t n,
                           __m256i taps[2]) {
    const int8_t *k = from->weights + ((ptrdiff_t)i * w->size_y + 2 * p) * w->channels;
    __m256i second = _mm256_setzero_si256();
    if (2 * p + 1 < w->size_y) {
        second = load_some(k + w->channels, n, from->weights_end);
    }
    interleave2(load_some(k, n, from->weights_end), second, taps);
}

/* Any window, two taps at a time. */
static void group(const akrt_window *w, const source *from, int32_t x, int32_t count, target t) {
    const ptrdiff_t channels = w->channels;
    const int32_t pairs = (w->size_y + 1) / 2;
    __m256i start[2], ready[READY][2];
    for (int32_t n = 0; n < pairs * w->size_x && n < READY; n++) {
        pair_taps(w, from, n / pairs, n % pairs, t.n, ready[n]);
    }
    start_values(from->offset, start);
    for (int32_t row = x; row < x + count; row++) {
        const int32_t first_x = row * w->stride_x - w->pad_x;
        const int32_t from_i = first_x < 0 ? -first_x : 0;
        const int32_t to_i = first_x + w->size_x > w->in_x ? w->in_x - first_x : w->size_x;
        for (int32_t y = 0; y < w->out_y; y++) {
            const int32_t first_y = y * w->stride_y - w->pad_y;
            const int32_t from_j = first_y < 0 ? -first_y : 0;
            const int32_t to_j = first_y + w->size_y > w->in_y ? w->in_y - first_y : w->size_y;
            __m256i sum[2] = {start[0], start[1]};
            for (int32_t i = from_i; i < to_i; i++) {
                const uint8_t *line =
                    from->input + ((ptrdiff_t)(first_x + i) * w->in_y + first_y) * channels;
                for (int32_t j = from_j & ~1; j < to_j; j += 2) {
                    const uint8_t *a = line + j * channels;
                    const int32_t at = i * pairs + j / 2;
                    __m256i v[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, q[2], taps[2];
                    if (j >= from_j) {
                        v[0] = load_some(a, t.n, from->input_end);
                    }
                    if (j + 1 < to_j) {
                        v[1] = load_some(a + channels, t.n, from->input_end);
                    }
                    interleave2(v[0], v[1], q);
                    if (at < READY) {
                        taps[0] = ready[at][0], taps[1] = ready[at][1];
                    } else {
                        pair_taps(w, from, i, j / 2, t.n, taps);
                    }
                    sum[0] = _mm256_add_epi16(sum[0], _mm256_maddubs_epi16(q[0], taps[0]));
                    sum[1] = _mm256_add_epi16(sum[1], _mm256_maddubs_epi16(q[1], taps[1]));
                }
            }
            store_position(&t, (size_t)y, sum);
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
    const uint8_t *input_end = input + (size_t)w->in_x * (size_t)w->in_y * channels;
    const int8_t *weights_end = weights + (size_t)w->size_x * (size_t)w->size_y * channels;
    const int packed =
        (channels == 8 || channels == 16) && tail == 0 && (size_t)w->out_y * channels >= GROUP;
    for (size_t c = 0; c < channels; c += GROUP) {
        const size_t left = channels - c, n = left < GROUP ? left : GROUP;
        target t = {out + c, rest + c, spill, (size_t)depth, n, c == 0, {{0}}};
        upper_bytes(n, t.upper);
        const source from = {input + c, input_end, weights + c, (const uint8_t *)weights_end,
                             offset + c};
        if (w->size_x == 3 && w->size_y == 3 && w->stride_y == 1 && packed) {
            few3x3(w, &from, x, count, t, GROUP / w->channels);
        } else if (w->size_x == 3 && w->size_y == 3) {
            group3x3(w, &from, x, count, t);
        } else {
            group(w, &from, x, count, t);
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
