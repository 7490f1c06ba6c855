#ifndef AKRT_MISALIGNED_H
#define AKRT_MISALIGNED_H
#include <stddef.h>
#include <stdint.h>
/* A word as this core aligns it: to 4 bytes on most, to any address on one of 8 bits. */
typedef struct akrt_aligned_word {
    char before;
    uint32_t word;
} akrt_aligned_word;

/* Whether no array of words can begin at one of several addresses, or'd. */
static inline int akrt_misaligned(uintptr_t addresses) {
    return (addresses & (offsetof(akrt_aligned_word, word) - 1)) != 0;
}
#endif
