#ifndef AKRT_LEVEL_WORD_H
#define AKRT_LEVEL_WORD_H
#include "akrt_level_bisect.h"
#include "akrt_level_high.h"
#include "akrt_level_muladd.h"
/* Activations of a filter's potentials at one row's positions, a nibble each, the first lowest. */
static inline uint32_t akrt_level_word(const int32_t *potentials, akrt_requant r, int32_t form,
                                       int32_t shift, int32_t bits, int32_t width) {
    const int32_t *p = potentials + width;
    uint32_t word = 0;
    if (form == AKRT_FORM_HIGH_WORD) {
        do {
            word = akrt_level_high(*--p, r, shift) | word << 4;
        } while (p > potentials);
    } else if (form == AKRT_FORM_BISECTION) {
        do {
            word = akrt_level_bisect(*--p, r, bits) | word << 4;
        } while (p > potentials);
    } else {
        do {
            word = akrt_level_muladd(*--p, r, shift) | word << 4;
        } while (p > potentials);
    }
    return word;
}
#endif
