#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"

#include <string.h>

#include "x86/akrt_patches_u8.tmpl.h"

static void edge(uint8_t *target, const output_row *r, ptrdiff_t start, int32_t from, int32_t to,
                 uint8_t border) {
    const ptrdiff_t line = r->line;
    const int32_t length = r->length, lines = r->lines, from_i = r->from_i, to_i = r->to_i;
    const uint8_t *source = r->source + start + from;
    for (int32_t i = 0; i < lines; i++, target += length) {
        memset(target, border, (size_t)length);
        if (i >= from_i && i < to_i) {
            memcpy(target + from, source, (size_t)(to - from));
            source += line;
        }
    }
}

#include "x86/target_end.h"
#endif
