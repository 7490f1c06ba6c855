#ifndef AKRT_TRIPLE_ROWS_H
#define AKRT_TRIPLE_ROWS_H
#include "akrt_level_bisect.h"
#include "akrt_level_high.h"
#include "akrt_requant_of.h"
#include "akrt_triple_muladd.h"
#include "akrt_unpack_triples.h"
#if AKRT_DSP

static void akrt_unpack_triples(const uint32_t *weights, const uint32_t *end, uint32_t *out) {
    AKRT_UNPACK_TRIPLES(weights, end, out, "28"); /* AKRT_PAIR_WORDS */
}

/* akrt_level_word by HIGH_WORD or BISECTION. */
static inline uint32_t akrt_triple_word(const int32_t *potentials, akrt_requant r,
                                        const akrt_activation *activation, int32_t width) {
    const int32_t *p = potentials + width;
    uint32_t word = 0;
    if (activation->form == AKRT_FORM_HIGH_WORD) {
        do {
            word = akrt_level_high(*--p, r, activation->shift) | word << 4;
        } while (p > potentials);
    } else {
        do {
            word = akrt_level_bisect(*--p, r, activation->bits) | word << 4;
        } while (p > potentials);
    }
    return word;
}

/* Activations of the three filters from `f` on, a word of nibbles each. `sums` is (2, 5), with room
 * for (3, 5) potentials. */
static void akrt_triple_levels(const akrt_rows_layer *layer, int32_t *sums, int32_t f,
                               uint32_t *words) {
    const int32_t width = layer->width;
    if (AKRT_LIKELY(layer->activation.form == AKRT_FORM_MULADD16)) {
        const akrt_requant16 *const requant = (const akrt_requant16 *)layer->requant + f;
        if (width > 3) {
            akrt_muladd_five(sums, requant, layer->addend_unit, layer->activation.shift, words);
        } else {
            akrt_muladd_three(sums, requant, layer->addend_unit, layer->activation.shift, words);
        }
        if (width != AKRT_ROW_WIDTH && width != 3) {
            const uint32_t mask = ((uint32_t)1 << 4 * width) - 1;
            words[0] &= mask;
            words[1] &= mask;
            words[2] &= mask;
        }
    } else {
        for (int32_t y = 0; y < width; y++) {
            AKRT_TRIPLE_SPLIT(sums[y], sums[AKRT_ROW_WIDTH + y])
            sums[y] = s0;
            sums[AKRT_ROW_WIDTH + y] = s1;
            sums[2 * AKRT_ROW_WIDTH + y] = s2;
        }
        for (int32_t i = 0; i < 3; i++) {
            words[i] = akrt_triple_word(sums + i * AKRT_ROW_WIDTH, akrt_requant_of(layer, f + i),
                                        &layer->activation, width);
        }
    }
}
#endif
#endif
