#ifndef AKRT_AKIDA2_DOTS_HALVES_NIBBLES_H
#define AKRT_AKIDA2_DOTS_HALVES_NIBBLES_H
#include "akrt_akida2_keep_pair.h"
#include "akrt_akida2_layer.h"
#include "akrt_tick.h"
#if AKRT_DSP
#include "akrt_akida2_nibbles.h"
#include "akrt_akida2_two.h"
#endif
/* As akrt_akida2_dots_nibbles, of inputs that are halves of words. */

#if AKRT_MVE
static void akrt_akida2_dot_halves_nibbles(const int16_t *a, const int16_t *b,
                                           const int8_t *weights, int32_t inputs, int32_t sums[4]) {
    const int16x8_t high = vdupq_n_s16(-16);
    int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
    for (int32_t i = 0; i < inputs; i += 8) {
        const mve_pred16_t lanes = vctp16q((uint32_t)(inputs - i)); /* others are zero */
        const int16x8_t at_a = vldrhq_z_s16(a + i, lanes), at_b = vldrhq_z_s16(b + i, lanes);
        const int16x8_t both = vldrbq_z_s16(weights + i, lanes);
        const int16x8_t first = vshrq_n_s16(vshlq_n_s16(both, 12), 8);
        const int16x8_t second = vandq_s16(both, high);
        a0 = vmladavaq_s16(a0, at_a, first);
        b0 = vmladavaq_s16(b0, at_b, first);
        a1 = vmladavaq_s16(a1, at_a, second);
        b1 = vmladavaq_s16(b1, at_b, second);
    }
    sums[0] = a0 >> 4;
    sums[1] = a1 >> 4;
    sums[2] = b0 >> 4;
    sums[3] = b1 >> 4;
}
#elif AKRT_DSP
AKRT_IN_ORDER static void akrt_akida2_dot_halves_nibbles(const int16_t *a, const int16_t *b,
                                                         const int8_t *weights, int32_t inputs,
                                                         int32_t sums[4]) {
    int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
    const int16_t *const end = a + inputs;
    while (a < end) {
        const uint32_t both = akrt_akida2_word(weights);
        const uint32_t first = akrt_akida2_low(both), second = akrt_akida2_high(both);
        const uint32_t even0 = akrt_akida2_even(first), odd0 = akrt_akida2_odd(first);
        const uint32_t even1 = akrt_akida2_even(second), odd1 = akrt_akida2_odd(second);
        uint32_t halves = akrt_akida2_two(a);
        a0 = akrt_smlad(halves, even0, a0);
        a1 = akrt_smlad(halves, even1, a1);
        halves = akrt_akida2_two(a + 2);
        a0 = akrt_smlad(halves, odd0, a0);
        a1 = akrt_smlad(halves, odd1, a1);
        halves = akrt_akida2_two(b);
        b0 = akrt_smlad(halves, even0, b0);
        b1 = akrt_smlad(halves, even1, b1);
        halves = akrt_akida2_two(b + 2);
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
AKRT_IN_ORDER static void akrt_akida2_dot_halves_nibbles(const int16_t *a, const int16_t *b,
                                                         const int8_t *weights, int32_t inputs,
                                                         int32_t sums[4]) {
    int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
    const int16_t *const end = a + inputs;
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

static void akrt_akida2_dots_halves_nibbles(const void *a, const void *b, const int8_t *weights,
                                            int32_t inputs, int32_t filters, int32_t *sums) {
    const int16_t *const at_a = (const int16_t *)a, *const at_b = (const int16_t *)b;
    const int32_t filled = AKRT_AKIDA2_FILLED(inputs);
    int32_t pair[4], done = 0;
    for (int32_t f = 0; f < filters; f += 2) {
        akrt_akida2_dot_halves_nibbles(at_a, at_b, weights, AKRT_MVE ? inputs : filled, pair);
        akrt_akida2_keep_pair(pair, f, filters, sums);
        weights += filled;
        AKRT_TICK_WORK(done, 4 * filled);
    }
}
#endif
