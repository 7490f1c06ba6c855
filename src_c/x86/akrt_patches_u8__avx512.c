#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"

#include <string.h>

#include "x86/akrt_patches_u8.tmpl.h"

/* Bits from..to of a mask, 0 <= from <= to <= 64. */
AKRT_INLINE uint64_t bits(int32_t from, int32_t to) {
    const uint64_t below = to >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << to) - 1;
    return from >= 64 ? 0 : below & ~((UINT64_C(1) << from) - 1);
}

static void edge(uint8_t *target, const output_row *r, ptrdiff_t start, int32_t from, int32_t to,
                 uint8_t border) {
    const __m512i outside = _mm512_set1_epi8((char)border);
    const uint8_t *source = r->source + start;
    const ptrdiff_t line = r->line;
    const int32_t length = r->length, lines = r->lines, from_i = r->from_i, to_i = r->to_i;
    if (length <= 16) {
        const __m128i all = _mm512_castsi512_si128(outside);
        const __mmask16 mask = (__mmask16)bits(from, to);
        for (int32_t i = 0; i < lines; i++, target += length) {
            __m128i some = all;
            if (i >= from_i && i < to_i) {
                some = _mm_mask_loadu_epi8(all, mask, source);
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

#include "x86/target_end.h"
#endif
