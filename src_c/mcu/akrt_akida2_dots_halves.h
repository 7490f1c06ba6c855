#ifndef AKRT_AKIDA2_DOTS_HALVES_H
#define AKRT_AKIDA2_DOTS_HALVES_H
#include "akrt_akida2_keep_pair.h"
#include "akrt_akida2_layer.h"
#include "akrt_tick.h"
#if AKRT_DSP
#include "akrt_akida2_halves.h"
#include "akrt_akida2_two.h"
#endif
/* As akrt_akida2_dots, of inputs that are halves of words. */

#if AKRT_MVE
/* One pair of filters, eight inputs at a time: sums of both at `a`, then at `b`. */
static void akrt_akida2_dot_halves(const int16_t *a, const int16_t *b, const int8_t *first,
                                   const int8_t *second, int32_t inputs, int32_t sums[4]) {
    int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0, i = 0;
    for (; i + 8 <= inputs; i += 8) {
        const int16x8_t at_a = vldrhq_s16(a + i), at_b = vldrhq_s16(b + i);
        const int16x8_t w0 = vldrbq_s16(first + i), w1 = vldrbq_s16(second + i);
        a0 = vmladavaq_s16(a0, at_a, w0);
        b0 = vmladavaq_s16(b0, at_b, w0);
        a1 = vmladavaq_s16(a1, at_a, w1);
        b1 = vmladavaq_s16(b1, at_b, w1);
    }
    if (i < inputs) { /* lanes beyond are zero */
        const mve_pred16_t rest = vctp16q((uint32_t)(inputs - i));
        const int16x8_t at_a = vldrhq_z_s16(a + i, rest), at_b = vldrhq_z_s16(b + i, rest);
        const int16x8_t w0 = vldrbq_z_s16(first + i, rest), w1 = vldrbq_z_s16(second + i, rest);
        a0 = vmladavaq_s16(a0, at_a, w0);
        b0 = vmladavaq_s16(b0, at_b, w0);
        a1 = vmladavaq_s16(a1, at_a, w1);
        b1 = vmladavaq_s16(b1, at_b, w1);
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = b0;
    sums[3] = b1;
}
#elif AKRT_DSP
AKRT_IN_ORDER static void akrt_akida2_dot_halves(const int16_t *a, const int16_t *b,
                                                 const int8_t *weights, int32_t inputs,
                                                 int32_t sums[4]) {
    int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
    const int16_t *const end = a + inputs;
    while (a < end) {
        const uint32_t first = akrt_akida2_word(weights), second = akrt_akida2_word(weights + 4);
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
        weights += 8;
        a += 4;
        b += 4;
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = b0;
    sums[3] = b1;
}
#else
AKRT_IN_ORDER static void akrt_akida2_dot_halves(const int16_t *a, const int16_t *b,
                                                 const int8_t *weights, int32_t inputs,
                                                 int32_t sums[4]) {
    uint32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
    const int16_t *const end = a + inputs;
    while (a < end) {
        for (int32_t i = 0; i < 4; i++) {
            const int32_t first = weights[i], second = weights[i + 4];
            const int32_t at_a = *a++, at_b = *b++;
            a0 += (uint32_t)(at_a * first);
            a1 += (uint32_t)(at_a * second);
            b0 += (uint32_t)(at_b * first);
            b1 += (uint32_t)(at_b * second);
        }
        weights += 8;
    }
    sums[0] = (int32_t)a0;
    sums[1] = (int32_t)a1;
    sums[2] = (int32_t)b0;
    sums[3] = (int32_t)b1;
}
#endif

static void akrt_akida2_dots_halves(const void *a, const void *b, const int8_t *weights,
                                    int32_t inputs, int32_t filters, int32_t *sums) {
    const int16_t *const at_a = (const int16_t *)a, *const at_b = (const int16_t *)b;
    int32_t pair[4], done = 0;
    for (int32_t f = 0; f < filters; f += 2) {
#if AKRT_MVE
        akrt_akida2_dot_halves(at_a, at_b, weights, f + 1 < filters ? weights + inputs : weights,
                               inputs, pair);
        weights += 2 * inputs;
#else
        akrt_akida2_dot_halves(at_a, at_b, weights, AKRT_AKIDA2_FILLED(inputs), pair);
        weights += 2 * AKRT_AKIDA2_FILLED(inputs);
#endif
        akrt_akida2_keep_pair(pair, f, filters, sums);
        AKRT_TICK_WORK(done, 4 * inputs);
    }
}
#endif
