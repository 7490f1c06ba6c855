#ifndef AKRT_ZERO_H
#define AKRT_ZERO_H
#include <stdint.h>
/* Clears words; the memset of a small libc clears bytes. */
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif
static void
akrt_zero(uint32_t *words, int32_t count) {
    for (const uint32_t *const end = words + count; words < end; words++) {
        *words = 0;
    }
}
#endif
