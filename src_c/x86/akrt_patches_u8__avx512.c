#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"

#define INLINE static inline __attribute__((always_inline))

INLINE int32_t within(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

/* Bits from..to of a mask, 0 <= from <= to <= 64. */
INLINE uint64_t bits(int32_t from, int32_t to) {
    const uint64_t below = to >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << to) - 1;
    return from >= 64 ? 0 : below & ~((UINT64_C(1) << from) - 1);
}

/* An output row: its windows have `lines` lines of `length` bytes, of which from_i .. to_i are
 * inside the input, the first of them in the input's line `source`. */
typedef struct output_row {
    const uint8_t *source;
    ptrdiff_t line;
    int32_t lines, length, from_i, to_i;
} output_row;

/* The window at a column that is partly outside: of its lines the bytes from .. to are inside. */
static void edge(uint8_t *target, const output_row *r, ptrdiff_t start, int32_t from, int32_t to,
                 __m512i outside) {
    const uint8_t *source = r->source + start;
    const ptrdiff_t line = r->line;
    const int32_t length = r->length, lines = r->lines, from_i = r->from_i, to_i = r->to_i;
    if (length <= 16) {
        const __m128i border = _mm512_castsi512_si128(outside);
        const __mmask16 mask = (__mmask16)bits(from, to);
        for (int32_t i = 0; i < lines; i++, target += length) {
            __m128i some = border;
            if (i >= from_i && i < to_i) {
                some = _mm_mask_loadu_epi8(border, mask, source);
                source += line;
            }
            _mm_storeu_si128((__m128i *)(void *)target, some);
        }
        return;
    }
    for (int32_t i = 0; i < lines; i++, target += length) {
        const int inside = i >= from_i && i < to_i;
        for (int32_t at = 0; at < length; at += 64) {
            const uint64_t mask =
                inside ? bits(within(from - at, 0, 64), within(to - at, 0, 64)) : 0;
            _mm512_storeu_si512(target + at, _mm512_mask_loadu_epi8(outside, mask, source + at));
        }
        source += inside ? line : 0;
    }
}

/* n windows that are inside the input, as is what is copied too much; each copy overwrites what
 * the one before wrote too much. */
INLINE void copy(uint8_t *target, const output_row *r, ptrdiff_t start, ptrdiff_t step, int32_t n,
                 ptrdiff_t depth, const int32_t chunk) {
    const int32_t lines = r->lines, length = r->length;
    const ptrdiff_t line = r->line;
    const uint8_t *source = r->source + start;
    for (; n > 0; n--, source += step, target += depth) {
        const uint8_t *from = source;
        uint8_t *to = target;
        for (int32_t i = lines; i > 0; i--, from += line, to += length) {
            if (chunk == 16) {
                _mm_storeu_si128((__m128i *)(void *)to,
                                 _mm_loadu_si128((const __m128i *)(const void *)from));
            } else if (chunk == 32) {
                _mm256_storeu_si256((__m256i *)(void *)to,
                                    _mm256_loadu_si256((const __m256i *)(const void *)from));
            } else {
                for (int32_t at = 0; at < length; at += 64) {
                    _mm512_storeu_si512(to + at, _mm512_loadu_si512(from + at));
                }
            }
        }
    }
}

void AKRT_FN(akrt_patches_u8)(const akrt_window *w, const uint8_t *input, int32_t x, int32_t count,
                              uint8_t border, int32_t depth, uint8_t *patches) {
    const __m512i outside = _mm512_set1_epi8((char)border);
    const ptrdiff_t pixel = w->channels, line = pixel * w->in_y, step = pixel * w->stride_y;
    const int32_t length = w->size_y * w->channels;
    const int32_t chunk = length <= 16 ? 16 : length <= 32 ? 32 : 64;
    const ptrdiff_t reach = (w->size_x - 1) * line + length + chunk; /* of a copied window */
    /* the columns whose windows are inside */
    const int32_t first = within((w->pad_y + w->stride_y - 1) / w->stride_y, 0, w->out_y);
    const int32_t room = w->in_y + w->pad_y - w->size_y;
    const int32_t last = within(room < 0 ? 0 : room / w->stride_y + 1, first, w->out_y);
    for (int32_t row = x; row < x + count; row++) {
        const int32_t first_x = row * w->stride_x - w->pad_x;
        output_row r = {0};
        r.line = line, r.lines = w->size_x, r.length = length;
        r.from_i = within(-first_x, 0, r.lines);
        r.to_i = within(w->in_x - first_x, r.from_i, r.lines);
        r.source = input + (first_x + r.from_i) * line;
        for (int32_t y = 0; y < w->out_y;) {
            const int32_t first_y = y * w->stride_y - w->pad_y;
            const ptrdiff_t start = first_y * pixel;
            if (y == first && r.to_i - r.from_i == r.lines) {
                const ptrdiff_t left =
                    w->in_x * line - (first_x * line + start) - reach; /* after this window */
                int32_t n = last - first;
                if (left < (n - 1) * step) {
                    n = left < 0 ? 0 : (int32_t)(left / step) + 1;
                }
                if (chunk == 16) {
                    copy(patches, &r, start, step, n, depth, 16);
                } else if (chunk == 32) {
                    copy(patches, &r, start, step, n, depth, 32);
                } else {
                    copy(patches, &r, start, step, n, depth, 64);
                }
                y += n;
                patches += (ptrdiff_t)n * depth;
                if (n > 0) {
                    continue;
                }
            }
            const int32_t from = within(-first_y * w->channels, 0, length);
            const int32_t to = within((w->in_y - first_y) * w->channels, from, length);
            edge(patches, &r, start, from, to, outside);
            patches += depth;
            y++;
        }
    }
}

#include "x86/target_end.h"
#endif
