#ifndef AKRT_TRIPLE_ROWS_H
#define AKRT_TRIPLE_ROWS_H
#include "akrt_level_bisect.h"
#include "akrt_level_high.h"
#include "akrt_level_muladd.h"
#include "akrt_requant_of.h"
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
    if (AKRT_LIKELY(layer->activation.form == AKRT_FORM_MULADD16)) {
        const int32_t shift = layer->activation.shift;
        const akrt_requant r = akrt_requant_of(layer, f), s = akrt_requant_of(layer, f + 1);
        const akrt_requant t = akrt_requant_of(layer, f + 2);
        uint32_t u = 0, v = 0, w = 0;
        const int32_t *p = sums + layer->width;
        do {
            const int32_t b = p[AKRT_ROW_WIDTH - 1], a = *--p;
            AKRT_TRIPLE_SPLIT(a, b)
            u = akrt_level_muladd(s0, r, shift) | u << 4;
            v = akrt_level_muladd(s1, s, shift) | v << 4;
            w = akrt_level_muladd(s2, t, shift) | w << 4;
        } while (p > sums);
        words[0] = u;
        words[1] = v;
        words[2] = w;
    } else {
        for (int32_t y = 0; y < AKRT_ROW_WIDTH; y++) {
            AKRT_TRIPLE_SPLIT(sums[y], sums[AKRT_ROW_WIDTH + y])
            sums[y] = s0;
            sums[AKRT_ROW_WIDTH + y] = s1;
            sums[2 * AKRT_ROW_WIDTH + y] = s2;
        }
        for (int32_t i = 0; i < 3; i++) {
            words[i] = akrt_triple_word(sums + i * AKRT_ROW_WIDTH, akrt_requant_of(layer, f + i),
                                        &layer->activation, layer->width);
        }
    }
}
#endif
#endif
