#ifndef AKRT_AKIDA2_DOTS_H
#define AKRT_AKIDA2_DOTS_H
#include "akrt_akida2_layer.h"
#include "akrt_tick.h"
#if AKRT_DSP
#include "akrt_akida2_halves.h"
#endif
#if AKRT_MVE
#include "akrt_akida2_dots_mve.h"
#endif
#if !AKRT_MVE
#include "akrt_akida2_keep_pair.h"
#endif
/* An akrt_akida2_dots_of of signed bytes. */

#if !AKRT_MVE
/* One pair of filters: sums of both at `a`, then at `b`. */
AKRT_IN_ORDER static void akrt_akida2_dot_pair(const int8_t *a, const int8_t *b,
                                               const int8_t *weights, int32_t inputs,
                                               int32_t sums[4]) {
#if AKRT_DSP
    int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
    const int8_t *const end = a + inputs;
    while (a < end) {
        const uint32_t first = akrt_akida2_word(weights), second = akrt_akida2_word(weights + 4);
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
        weights += 8;
        a += 4;
        b += 4;
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = b0;
    sums[3] = b1;
#else
    uint32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
    const int8_t *const end = a + inputs;
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
#endif
}

static void akrt_akida2_dots(const void *a, const void *b, const int8_t *weights, int32_t inputs,
                             int32_t filters, int32_t *sums) {
    const int32_t filled = AKRT_AKIDA2_FILLED(inputs);
    int32_t pair[4], done = 0;
    for (int32_t f = 0; f < filters; f += 2) {
        akrt_akida2_dot_pair((const int8_t *)a, (const int8_t *)b, weights, filled, pair);
        akrt_akida2_keep_pair(pair, f, filters, sums);
        weights += 2 * filled;
        AKRT_TICK_WORK(done, 4 * filled);
    }
}
#endif
#endif
