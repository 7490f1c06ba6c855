#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"

#define COLUMNS 32 /* output columns of a step */

/* The windows of one output column: where their lines start in a line of the input, and which of a
 * line's bytes, from .. to, are inside it. */
typedef struct column {
    ptrdiff_t start;
    int32_t from, to;
    uint64_t mask; /* the same as bits, for a line of at most 64 bytes */
} column;

static inline int32_t within(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

/* Bits from..to of a mask, 0 <= from <= to <= 64. */
static inline uint64_t bits(int32_t from, int32_t to) {
    const uint64_t below = to >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << to) - 1;
    return from >= 64 ? 0 : below & ~((UINT64_C(1) << from) - 1);
}

/* One window; each store overwrites what the one before wrote too much. Of its `lines` lines those
 * of from_i .. to_i are inside the input, the first of them in the line at `source`. */
static inline void narrow(uint8_t *target, const uint8_t *source, ptrdiff_t line, ptrdiff_t length,
                          int32_t from_i, int32_t to_i, int32_t lines, __mmask16 mask,
                          __m128i outside) {
    int32_t i = 0;
    for (; i < from_i; i++, target += length) {
        _mm_storeu_si128((__m128i *)(void *)target, outside);
    }
    for (; i < to_i; i++, target += length, source += line) {
        _mm_storeu_si128((__m128i *)(void *)target, _mm_mask_loadu_epi8(outside, mask, source));
    }
    for (; i < lines; i++, target += length) {
        _mm_storeu_si128((__m128i *)(void *)target, outside);
    }
}

static inline void wide(uint8_t *target, const uint8_t *source, ptrdiff_t line, int32_t length,
                        int32_t from_i, int32_t to_i, int32_t lines, const column *c,
                        __m512i outside) {
    for (int32_t i = 0; i < lines; i++, target += length) {
        const int inside = i >= from_i && i < to_i;
        for (int32_t at = 0; at < length; at += 64) {
            uint64_t mask = 0;
            if (inside) {
                mask = bits(within(c->from - at, 0, 64), within(c->to - at, 0, 64));
            }
            _mm512_storeu_si512(target + at, _mm512_mask_loadu_epi8(outside, mask, source + at));
        }
        source += inside ? line : 0;
    }
}

/* The columns y .. y + n of the output row `row`. */
static inline uint8_t *windows(const akrt_window *w, const uint8_t *input, int32_t row,
                               const column *columns, int32_t n, uint8_t border, int32_t depth,
                               uint8_t *patches) {
    const __m512i outside = _mm512_set1_epi8((char)border);
    const ptrdiff_t line = (ptrdiff_t)w->channels * w->in_y;
    const int32_t lines = w->size_x, length = w->size_y * w->channels;
    const int32_t first_x = row * w->stride_x - w->pad_x;
    const int32_t from_i = within(-first_x, 0, lines);
    const int32_t to_i = within(w->in_x - first_x, from_i, lines);
    const uint8_t *source = input + (first_x + from_i) * line;
    for (int32_t y = 0; y < n; y++, patches += depth) {
        const column *c = columns + y;
        if (length <= 16) {
            narrow(patches, source + c->start, line, length, from_i, to_i, lines,
                   (__mmask16)c->mask, _mm512_castsi512_si128(outside));
        } else {
            wide(patches, source + c->start, line, length, from_i, to_i, lines, c, outside);
        }
    }
    return patches;
}

void AKRT_FN(akrt_patches_u8)(const akrt_window *w, const uint8_t *input, int32_t x, int32_t count,
                              uint8_t border, int32_t depth, uint8_t *patches) {
    const int32_t length = w->size_y * w->channels;
    column columns[COLUMNS];
    const int once = w->out_y <= COLUMNS;
    for (int32_t row = x; row < x + count; row++) {
        for (int32_t y = 0; y < w->out_y; y += COLUMNS) {
            const int32_t n = within(w->out_y - y, 0, COLUMNS);
            for (int32_t j = 0; j < n && (row == x || !once); j++) {
                const int32_t first_y = (y + j) * w->stride_y - w->pad_y;
                column *c = columns + j;
                c->start = (ptrdiff_t)first_y * w->channels;
                c->from = within(-first_y * w->channels, 0, length);
                c->to = within((w->in_y - first_y) * w->channels, c->from, length);
                c->mask = bits(within(c->from, 0, 64), within(c->to, 0, 64));
            }
            patches = windows(w, input, row, columns, n, border, depth, patches);
        }
    }
}

#include "x86/target_end.h"
#endif
