#ifndef AKRT_DENSE_LINE_LONG_H
#define AKRT_DENSE_LINE_LONG_H
#include "akrt_dense_triples.h"
#include "akrt_emit.h"
#include "akrt_octet_sum.h"
#include "akrt_product.h"
/* A fully connected layer: akrt_product.h. Its input is one block of lines, its inputs those of a
 * tensor whose channels are filled up with zeros to a multiple of 8. scratch:
 * AKRT_DENSE_LINE_SCRATCH_WORDS. */
#if AKRT_DSP
#define AKRT_DENSE_LINE_SCRATCH_WORDS AKRT_DENSE_FILTERS
#else
#define AKRT_DENSE_LINE_SCRATCH_WORDS 8
typedef uint64_t akrt_both; /* sums of two filters 28 bits apart */
#define AKRT_BOTH_BITS 28
#define AKRT_BOTH_MASK 0xfffffffu
#define AKRT_DENSE_TAPS (1 << 20) /* times 15 * 15 is below 2^28 */
#define AKRT_DENSE_PAIR(word, k) akrt_rotated(word, 8 * (k))

#define AKRT_DENSE_TAP(k)                                                                          \
    do {                                                                                           \
        const akrt_both a = *octet >> (4 * (k)) & 15u;                                             \
        s += a * (AKRT_DENSE_PAIR(first, (k)&3) & AKRT_PRODUCT_MASK);                              \
        t += a * (AKRT_DENSE_PAIR(second, (k)&3) & AKRT_PRODUCT_MASK);                             \
    } while (0)
/* Sums of two pairs of filters, `step` words of weights apart, over words of eight inputs. */
AKRT_IN_ORDER static void akrt_dense_octets(const uint32_t *octet, const uint32_t *weights,
                                            int32_t step, int32_t octets, akrt_both *sums) {
    const uint32_t *const end = octet + octets;
    akrt_both s = 0, t = 0;
    do {
        uint32_t first = weights[0], second = weights[step];
        AKRT_DENSE_TAP(0);
        AKRT_DENSE_TAP(1);
        AKRT_DENSE_TAP(2);
        AKRT_DENSE_TAP(3);
        first = weights[1];
        second = weights[step + 1];
        AKRT_DENSE_TAP(4);
        AKRT_DENSE_TAP(5);
        AKRT_DENSE_TAP(6);
        AKRT_DENSE_TAP(7);
        weights += 2;
        octet++;
    } while (octet != end);
    sums[0] = s;
    sums[1] = t;
}
#undef AKRT_DENSE_TAP

AKRT_LAYER static void akrt_dense_line(const akrt_mcu_layer *layer, const void *const *lines,
                                       void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const uint32_t *const input = (const uint32_t *)lines[0];
    const int32_t octets = w->in_x * w->in_y * AKRT_LINE_WORDS(w->channels);
    const uint32_t *weights = (const uint32_t *)layer->weights;
    const int32_t start = 8 * akrt_octets_sum(input, octets);
    int32_t done = 0;
    for (int32_t f = 0; f < layer->filters; f += 4) {
        const int32_t step = layer->filters - f > 2 ? 2 * octets : 0;
        int32_t *const potentials = scratch + (f & 4);
        for (int32_t i = 0; i < 4; i++) {
            potentials[i] = -start;
        }
        for (int32_t first = 0; first < octets; first += AKRT_DENSE_TAPS / 8) {
            const int32_t left = octets - first;
            akrt_both sums[2];
            akrt_dense_octets(input + first, weights + 2 * first, step,
                              left < AKRT_DENSE_TAPS / 8 ? left : AKRT_DENSE_TAPS / 8, sums);
            for (int32_t pair = 0; pair < 2; pair++) {
                potentials[2 * pair] += (int32_t)((uint32_t)sums[pair] & AKRT_BOTH_MASK);
                potentials[2 * pair + 1] += (int32_t)(uint32_t)(sums[pair] >> AKRT_BOTH_BITS);
            }
        }
        if ((f & 4) != 0 || f + 4 >= layer->filters) {
            const int32_t from = f & ~7, left = layer->filters - from;
            akrt_emit(layer, scratch, 0, from, left < 8 ? left : 8, 0, 1, target);
        }
        weights += 4 * octets;
        AKRT_TICK_WORK(done, 16 * octets);
    }
}
#endif
#endif
