#ifndef AKRT_TRIPLE_ROWS_H
#define AKRT_TRIPLE_ROWS_H
#include "akrt_level_word.h"
#include "akrt_smlad_rows.h"
#if AKRT_DSP

/* Weights of three filters, three words for eight channels, to two words for two channels: halves
 * u0 + u1 * 2^8 and u1 + w2 * 2^12, u being a weight + 8. A half of the first three words holds
 * u0, w2 of the other half, and u1, a nibble each; the fourth nibbles are those of channels 6, 7.
 */
static void akrt_unpack_triples(const uint32_t *weights, int32_t groups, uint32_t *out) {
    const uint32_t mask = 0xf00ff00fu;
    for (; groups > 0; groups--) {
        const uint32_t a = weights[0], b = weights[1], c = weights[2];
        out[0] = a & 0x0f0f0f0fu;
        out[1] = (a >> 8 | a << 24) & mask;
        out[AKRT_PAIR_WORDS] = b & 0x0f0f0f0fu;
        out[AKRT_PAIR_WORDS + 1] = (b >> 8 | b << 24) & mask;
        out[2 * AKRT_PAIR_WORDS] = c & 0x0f0f0f0fu;
        out[2 * AKRT_PAIR_WORDS + 1] = (c >> 8 | c << 24) & mask;
        out[3 * AKRT_PAIR_WORDS] = (a >> 12 & 0x000f000fu) | (c & 0xf000f000u) >> 4;
        out[3 * AKRT_PAIR_WORDS + 1] = (c >> 12 & 0x000f000fu) | (b & 0xf000f000u);
        weights += 3;
        out += 4 * AKRT_PAIR_WORDS;
    }
}

/* -8 times the sums of the depthwise results: takes the 8 out of u. */
static void akrt_triple_start(const uint32_t *mid, const uint32_t *end, int32_t *start) {
    const uint32_t ones = 0x00010001u;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0;
    do {
        s0 = akrt_smlad(mid[2], ones, s0);
        s1 = akrt_smlad(mid[3], ones, s1);
        s2 = akrt_smlad(mid[4], ones, s2);
        s3 = akrt_smlad(mid[5], ones, s3);
        s4 = akrt_smlad(mid[6], ones, s4);
        mid += AKRT_PAIR_WORDS;
    } while (mid < end);
    start[0] = s0 * -8;
    start[1] = s1 * -8;
    start[2] = s2 * -8;
    start[3] = s3 * -8;
    start[4] = s4 * -8;
}

/* Sums of three filters at the five positions of a row, S0 + S1 * 2^8 and S1 + S2 * 2^12. */
static void akrt_triple_sums(uint32_t *mid, const uint32_t *end, const uint32_t *weights,
                             int32_t groups, const int32_t *start, int32_t *sums) {
    akrt_unpack_triples(weights, groups, mid);
    for (int32_t y = 0; y < AKRT_ROW_WIDTH; y++) {
        sums[y] = start[y] * 257;
        sums[AKRT_ROW_WIDTH + y] = start[y];
    }
    akrt_smlad_rows(mid, end, sums);
}

/* Takes a = S0 + S1 * 2^8 and b = S1 + S2 * 2^12 apart. Neither alone can be, but the low bits of
 * b give those of S1, which leave floor(S0 / 2^8) modulo 2^12: enough, for |S0| is below 2^19. */
#define AKRT_TRIPLE_SPLIT(a, b)                                                                    \
    const int32_t high = (int32_t)((uint32_t)(((a) >> 8) - (b)) << 20) >> 20;                      \
    const int32_t s1 = ((a) >> 8) - high;                                                          \
    const int32_t s0 = (a)-s1 * 256;                                                               \
    const int32_t s2 = ((b)-s1) >> 12;

/* Activations of three filters, a word of nibbles each. */
static void akrt_triple_levels(const akrt_rows_layer *layer, const int32_t *sums,
                               const akrt_requant *requant, uint32_t *words) {
    const akrt_requant r = requant[0], s = requant[1], t = requant[2];
    uint32_t u = 0, v = 0, w = 0;
    const int32_t shift = layer->shift;
    if ((uint32_t)shift < 32u) {
        for (const int32_t *p = sums + layer->width; p > sums;) {
            const int32_t b = p[AKRT_ROW_WIDTH - 1], a = *--p;
            AKRT_TRIPLE_SPLIT(a, b)
            u = akrt_level_muladd(s0, r, shift) | u << 4;
            v = akrt_level_muladd(s1, s, shift) | v << 4;
            w = akrt_level_muladd(s2, t, shift) | w << 4;
        }
    } else {
        int32_t potentials[3 * AKRT_ROW_WIDTH];
        for (int32_t y = 0; y < AKRT_ROW_WIDTH; y++) {
            AKRT_TRIPLE_SPLIT(sums[y], sums[AKRT_ROW_WIDTH + y])
            potentials[y] = s0;
            potentials[AKRT_ROW_WIDTH + y] = s1;
            potentials[2 * AKRT_ROW_WIDTH + y] = s2;
        }
        u = akrt_level_word(potentials, r, shift, layer->act_bits, layer->width);
        v = akrt_level_word(potentials + AKRT_ROW_WIDTH, s, shift, layer->act_bits, layer->width);
        w = akrt_level_word(potentials + 2 * AKRT_ROW_WIDTH, t, shift, layer->act_bits,
                            layer->width);
    }
    words[0] = u;
    words[1] = v;
    words[2] = w;
}
#endif
#endif
