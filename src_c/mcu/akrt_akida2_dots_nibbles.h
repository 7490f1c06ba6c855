#ifndef AKRT_AKIDA2_DOTS_NIBBLES_H
#define AKRT_AKIDA2_DOTS_NIBBLES_H
#include "akrt_akida2_keep_pair.h"
#include "akrt_akida2_layer.h"
#include "akrt_tick.h"
#if AKRT_DSP
#include "akrt_akida2_nibbles.h"
#endif
/* As akrt_akida2_dots, of weights of 4 bits, a byte for two filters: the low half of byte i is that
 * of input i and the first of them. Sums need at most 28 bits: cores that multiply several weights
 * at a time leave them 16 times as large. */

#if AKRT_MVE
static void akrt_akida2_dot_nibbles(const int8_t *a, const int8_t *b, const int8_t *weights,
                                    int32_t inputs, int32_t sums[4]) {
    const int8x16_t high = vdupq_n_s8(-16);
    int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0, i = 0;
    for (; i + 16 <= inputs; i += 16) {
        const int8x16_t at_a = vldrbq_s8(a + i), at_b = vldrbq_s8(b + i);
        const int8x16_t both = vldrbq_s8(weights + i), first = vshlq_n_s8(both, 4);
        const int8x16_t second = vandq_s8(both, high);
        a0 = vmladavaq_s8(a0, at_a, first);
        b0 = vmladavaq_s8(b0, at_b, first);
        a1 = vmladavaq_s8(a1, at_a, second);
        b1 = vmladavaq_s8(b1, at_b, second);
    }
    if (i < inputs) { /* lanes beyond are zero */
        const mve_pred16_t rest = vctp8q((uint32_t)(inputs - i));
        const int8x16_t at_a = vldrbq_z_s8(a + i, rest), at_b = vldrbq_z_s8(b + i, rest);
        const int8x16_t both = vldrbq_z_s8(weights + i, rest), first = vshlq_n_s8(both, 4);
        const int8x16_t second = vandq_s8(both, high);
        a0 = vmladavaq_s8(a0, at_a, first);
        b0 = vmladavaq_s8(b0, at_b, first);
        a1 = vmladavaq_s8(a1, at_a, second);
        b1 = vmladavaq_s8(b1, at_b, second);
    }
    sums[0] = a0 >> 4;
    sums[1] = a1 >> 4;
    sums[2] = b0 >> 4;
    sums[3] = b1 >> 4;
}
#elif AKRT_DSP
AKRT_IN_ORDER static void akrt_akida2_dot_nibbles(const int8_t *a, const int8_t *b,
                                                  const int8_t *weights, int32_t inputs,
                                                  int32_t sums[4]) {
    int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
    const int8_t *const end = a + inputs;
    while (a < end) {
        const uint32_t both = akrt_akida2_word(weights);
        const uint32_t first = akrt_akida2_low(both), second = akrt_akida2_high(both);
        const uint32_t even0 = akrt_akida2_even(first), odd0 = akrt_akida2_odd(first);
        const uint32_t even1 = akrt_akida2_even(second), odd1 = akrt_akida2_odd(second);
        const uint32_t at_a = akrt_akida2_word(a), at_b = akrt_akida2_word(b);
        uint32_t halves = akrt_akida2_even(at_a);
        a0 = akrt_smlad(halves, even0, a0);
        a1 = akrt_smlad(halves, even1, a1);
        halves = akrt_akida2_odd(at_a);
        a0 = akrt_smlad(halves, odd0, a0);
        a1 = akrt_smlad(halves, odd1, a1);
        halves = akrt_akida2_even(at_b);
        b0 = akrt_smlad(halves, even0, b0);
        b1 = akrt_smlad(halves, even1, b1);
        halves = akrt_akida2_odd(at_b);
        b0 = akrt_smlad(halves, odd0, b0);
        b1 = akrt_smlad(halves, odd1, b1);
        weights += 4;
        a += 4;
        b += 4;
    }
    sums[0] = a0 >> 4;
    sums[1] = a1 >> 4;
    sums[2] = b0 >> 4;
    sums[3] = b1 >> 4;
}
#else
AKRT_IN_ORDER static void akrt_akida2_dot_nibbles(const int8_t *a, const int8_t *b,
                                                  const int8_t *weights, int32_t inputs,
                                                  int32_t sums[4]) {
    int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
    const int8_t *const end = a + inputs;
    while (a < end) {
        const int32_t both = *weights++, second = both >> 4;
        const int32_t first = (int32_t)((uint32_t)both << 28) >> 28;
        const int32_t at_a = *a++, at_b = *b++;
        a0 += at_a * first;
        a1 += at_a * second;
        b0 += at_b * first;
        b1 += at_b * second;
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = b0;
    sums[3] = b1;
}
#endif

static void akrt_akida2_dots_nibbles(const void *a, const void *b, const int8_t *weights,
                                     int32_t inputs, int32_t filters, int32_t *sums) {
    const int8_t *const at_a = (const int8_t *)a, *const at_b = (const int8_t *)b;
    const int32_t filled = AKRT_AKIDA2_FILLED(inputs);
    int32_t pair[4], done = 0;
    for (int32_t f = 0; f < filters; f += 2) {
        akrt_akida2_dot_nibbles(at_a, at_b, weights, AKRT_MVE ? inputs : filled, pair);
        akrt_akida2_keep_pair(pair, f, filters, sums);
        weights += filled;
        AKRT_TICK_WORK(done, 4 * filled);
    }
}
#endif
