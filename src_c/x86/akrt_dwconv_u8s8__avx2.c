#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define GROUP 32 /* channels of a step: a register of bytes, two of sums */

INLINE __m256i load(const void *from) { return _mm256_loadu_si256((const __m256i *)from); }

INLINE void store(void *to, __m256i value) { _mm256_storeu_si256((__m256i *)to, value); }

/* The first `n` of 32 bytes; what follows is zero, or anything if it can be read. */
INLINE __m256i load_some(const void *from, size_t n, const uint8_t *end) {
    if (n >= GROUP || (const uint8_t *)from + GROUP <= end) {
        return load(from);
    }
    uint8_t some[GROUP] = {0};
    memcpy(some, from, n);
    return load(some);
}

/* Where the positions of a row go; `n` of the 32 channels exist. */
typedef struct target {
    uint8_t *low;
    int16_t *rest;
    uint32_t *spill;
    size_t depth, n;
    int first; /* of the channel groups: it sets `spill`, the others add to it */
} target;

/* 16-bit sums of one position, as packing wants them: channels 0-7 and 16-23, 8-15 and 24-31. */
INLINE void store_sums(const target *t, size_t position, __m256i v0, __m256i v1) {
    const __m256i high = _mm256_set1_epi16((short)0xFF00);
    const __m256i r0 = _mm256_and_si256(v0, high), r1 = _mm256_and_si256(v1, high);
    const __m256i bytes =
        _mm256_packus_epi16(_mm256_andnot_si256(high, v0), _mm256_andnot_si256(high, v1));
    const __m256i rest0 = _mm256_permute2x128_si256(r0, r1, 0x20);
    const __m256i rest1 = _mm256_permute2x128_si256(r0, r1, 0x31);
    int16_t *rest = t->rest + position * t->depth;
    uint8_t *low = t->low + position * t->depth;
    uint32_t spilt;
    if (t->n == GROUP) {
        const __m256i any = _mm256_or_si256(r0, r1);
        spilt = !_mm256_testz_si256(any, any);
        store(low, bytes);
        store(rest, rest0);
        store(rest + 16, rest1);
    } else {
        uint8_t kept[GROUP];
        int16_t kept_rest[GROUP];
        store(kept, bytes);
        store(kept_rest, rest0);
        store(kept_rest + 16, rest1);
        memcpy(low, kept, t->n);
        memcpy(rest, kept_rest, t->n * sizeof *rest);
        spilt = 0;
        for (size_t c = 0; c < t->n; c++) {
            spilt |= kept_rest[c] != 0;
        }
    }
    t->spill[position] = t->first ? spilt : t->spill[position] | spilt;
}

/* 16 bytes of each half: those of a and b in turn, or of a and zeros. */
INLINE void interleave(__m256i a, __m256i b, __m256i c, __m256i q[4]) {
    const __m256i zero = _mm256_setzero_si256();
    q[0] = _mm256_unpacklo_epi8(a, b);
    q[1] = _mm256_unpackhi_epi8(a, b);
    q[2] = _mm256_unpacklo_epi8(c, zero);
    q[3] = _mm256_unpackhi_epi8(c, zero);
}

INLINE void add_taps(__m256i sum[2], const __m256i q[4], const __m256i taps[4]) {
    const __m256i low =
        _mm256_add_epi16(_mm256_maddubs_epi16(q[0], taps[0]), _mm256_maddubs_epi16(q[2], taps[2]));
    const __m256i high =
        _mm256_add_epi16(_mm256_maddubs_epi16(q[1], taps[1]), _mm256_maddubs_epi16(q[3], taps[3]));
    sum[0] = _mm256_add_epi16(sum[0], low);
    sum[1] = _mm256_add_epi16(sum[1], high);
}

/* Three rows of the input, NULL where there is none, and its end. */
typedef struct rows3 {
    const uint8_t *row[3], *end;
} rows3;

INLINE void column(const rows3 *in, ptrdiff_t at, size_t n, __m256i q[4]) {
    __m256i row[3];
    UNROLL
    for (int i = 0; i < 3; i++) {
        row[i] =
            in->row[i] == NULL ? _mm256_setzero_si256() : load_some(in->row[i] + at, n, in->end);
    }
    interleave(row[0], row[1], row[2], q);
}

/* 3x3, stride 1 along the row: each column of the input is interleaved once and goes into the
 * sums of the three positions that it touches. */
static void row3x3_step1(const akrt_window *w, const rows3 *in, __m256i taps[3][4],
                         const __m256i start[2], const target *t) {
    __m256i before[2], here[2], after[2];
    UNROLL
    for (int n = 0; n < 2; n++) {
        before[n] = here[n] = after[n] = start[n];
    }
    for (int32_t s = 0; s < w->out_y + 2; s++) {
        const int32_t y = s - w->pad_y;
        if (y >= 0 && y < w->in_y) {
            __m256i q[4];
            column(in, (ptrdiff_t)y * w->channels, t->n, q);
            add_taps(before, q, taps[2]);
            add_taps(here, q, taps[1]);
            add_taps(after, q, taps[0]);
        }
        if (s >= 2) {
            store_sums(t, (size_t)s - 2, before[0], before[1]);
        }
        UNROLL
        for (int n = 0; n < 2; n++) {
            before[n] = here[n];
            here[n] = after[n];
            after[n] = start[n];
        }
    }
}

static void row3x3(const akrt_window *w, const rows3 *in, __m256i taps[3][4],
                   const __m256i start[2], const target *t) {
    for (int32_t y = 0; y < w->out_y; y++) {
        __m256i sum[2] = {start[0], start[1]};
        for (int32_t j = 0; j < 3; j++) {
            const int32_t from = y * w->stride_y - w->pad_y + j;
            if (from >= 0 && from < w->in_y) {
                __m256i q[4];
                column(in, (ptrdiff_t)from * w->channels, t->n, q);
                add_taps(sum, q, taps[j]);
            }
        }
        store_sums(t, (size_t)y, sum[0], sum[1]);
    }
}

INLINE __m128i pack8(const int32_t *from) {
    return _mm_packs_epi32(_mm_loadu_si128((const __m128i *)(const void *)from),
                           _mm_loadu_si128((const __m128i *)(const void *)(from + 4)));
}

INLINE void start_values(const int32_t *offset, __m256i start[2]) {
    start[0] = _mm256_setr_m128i(pack8(offset), pack8(offset + 16));
    start[1] = _mm256_setr_m128i(pack8(offset + 8), pack8(offset + 24));
}

/* An input and its weights from a channel on, with their ends. */
typedef struct source {
    const uint8_t *input, *input_end;
    const int8_t *weights;
    const uint8_t *weights_end;
    const int32_t *offset;
} source;

static void group3x3(const akrt_window *w, const source *from, int32_t x, int32_t count, target t) {
    const size_t channels = (size_t)w->channels;
    __m256i taps[3][4], start[2];
    for (size_t j = 0; j < 3; j++) {
        const int8_t *k = from->weights + j * channels;
        interleave(load_some(k, t.n, from->weights_end),
                   load_some(k + 3 * channels, t.n, from->weights_end),
                   load_some(k + 6 * channels, t.n, from->weights_end), taps[j]);
    }
    start_values(from->offset, start);
    for (int32_t row = x; row < x + count; row++) {
        rows3 in;
        in.end = from->input_end;
        for (int i = 0; i < 3; i++) {
            const int32_t at = row * w->stride_x - w->pad_x + i;
            const int inside = at >= 0 && at < w->in_x;
            in.row[i] = inside ? from->input + (size_t)at * (size_t)w->in_y * channels : NULL;
        }
        if (w->stride_y == 1) {
            row3x3_step1(w, &in, taps, start, &t);
        } else {
            row3x3(w, &in, taps, start, &t);
        }
        t.low += (size_t)w->out_y * t.depth;
        t.rest += (size_t)w->out_y * t.depth;
        t.spill += w->out_y;
    }
}

/* Any window, a tap at a time. */
static void group(const akrt_window *w, const source *from, int32_t x, int32_t count, target t) {
    const ptrdiff_t channels = w->channels;
    const __m256i zero = _mm256_setzero_si256();
    __m256i start[2];
    start_values(from->offset, start);
    for (int32_t row = x; row < x + count; row++) {
        const int32_t first_x = row * w->stride_x - w->pad_x;
        const int32_t from_i = first_x < 0 ? -first_x : 0;
        const int32_t to_i = first_x + w->size_x > w->in_x ? w->in_x - first_x : w->size_x;
        for (int32_t y = 0; y < w->out_y; y++) {
            const int32_t first_y = y * w->stride_y - w->pad_y;
            const int32_t from_j = first_y < 0 ? -first_y : 0;
            const int32_t to_j = first_y + w->size_y > w->in_y ? w->in_y - first_y : w->size_y;
            __m256i sum0 = start[0], sum1 = start[1];
            for (int32_t i = from_i; i < to_i; i++) {
                const ptrdiff_t line = (ptrdiff_t)(first_x + i) * w->in_y + first_y;
                for (int32_t j = from_j; j < to_j; j++) {
                    const uint8_t *a = from->input + (line + j) * channels;
                    const int8_t *k = from->weights + ((ptrdiff_t)i * w->size_y + j) * channels;
                    const __m256i v = load_some(a, t.n, from->input_end);
                    const __m256i tap = load_some(k, t.n, from->weights_end);
                    const __m256i low = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(v, zero),
                                                             _mm256_unpacklo_epi8(tap, zero));
                    const __m256i high = _mm256_maddubs_epi16(_mm256_unpackhi_epi8(v, zero),
                                                              _mm256_unpackhi_epi8(tap, zero));
                    sum0 = _mm256_add_epi16(sum0, low);
                    sum1 = _mm256_add_epi16(sum1, high);
                }
            }
            store_sums(&t, (size_t)y, sum0, sum1);
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
    for (size_t c = 0; c < channels; c += GROUP) {
        const size_t left = channels - c, n = left < GROUP ? left : GROUP;
        const target t = {out + c, rest + c, spill, (size_t)depth, n, c == 0};
        const source from = {input + c, input_end, weights + c, (const uint8_t *)weights_end,
                             offset + c};
        if (w->size_x == 3 && w->size_y == 3) {
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
