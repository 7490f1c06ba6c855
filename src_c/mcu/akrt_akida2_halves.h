#ifndef AKRT_AKIDA2_HALVES_H
#define AKRT_AKIDA2_HALVES_H
#include <string.h>
#include "akrt_cores.h"
/* Words of four bytes to halves that are multiplied. */
#if AKRT_DSP
static inline uint32_t akrt_akida2_word(const int8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Bytes 0 and 2 as signed halves of a word. */
static inline uint32_t akrt_akida2_even(uint32_t word) {
    uint32_t halves;
    __asm__("sxtb16 %0, %1" : "=r"(halves) : "r"(word));
    return halves;
}

/* Bytes 1 and 3. */
static inline uint32_t akrt_akida2_odd(uint32_t word) {
    uint32_t halves;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(word));
    return halves;
}
#endif
#endif
