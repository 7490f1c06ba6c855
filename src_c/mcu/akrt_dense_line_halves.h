#ifndef AKRT_DENSE_LINE_HALVES_H
#define AKRT_DENSE_LINE_HALVES_H
#include "akrt_emit.h"
#include "akrt_halves.h"
/* A fully connected layer on cores without long multiplication.
 *
 * A word of inputs has eight, a word of weights eight of one filter, biased to 0..15, the second
 * half of them first. Inputs k and k + 4 lie 16 bits apart, their weights the other way round: the
 * high half of the product is the sum of both products. Filters come in groups of
 * AKRT_DENSE_GROUP, what is left over in pairs: (inputs / 8, filters of the group). */
#define AKRT_DENSE_LINE_SCRATCH_WORDS 8
#define AKRT_DENSE_GROUP 8
#define AKRT_DENSE_OCTETS 36 /* 36 * 8 * 15 * 15 is below 2^16 */

/* The products of inputs k and k + 4. */
#define AKRT_DENSE_FILTER(n, k) s##n += a * (w##n >> (4 * (k)) & AKRT_HALVES_MASK)
#define AKRT_DENSE_INPUTS(k, filters)                                                              \
    do {                                                                                           \
        const uint32_t a = inputs >> (4 * (k)) & AKRT_HALVES_MASK;                                 \
        filters(k);                                                                                \
    } while (0)
#define AKRT_DENSE_TWO(k)                                                                          \
    AKRT_DENSE_FILTER(0, k);                                                                       \
    AKRT_DENSE_FILTER(1, k)
#define AKRT_DENSE_EIGHT(k)                                                                        \
    AKRT_DENSE_TWO(k);                                                                             \
    AKRT_DENSE_FILTER(2, k);                                                                       \
    AKRT_DENSE_FILTER(3, k);                                                                       \
    AKRT_DENSE_FILTER(4, k);                                                                       \
    AKRT_DENSE_FILTER(5, k);                                                                       \
    AKRT_DENSE_FILTER(6, k);                                                                       \
    AKRT_DENSE_FILTER(7, k)

#if AKRT_HIGH_SUMS
#define AKRT_DENSE_INPUTS_OF_TWO(input, first, second)                                             \
    input "ands r6, r7\n\t" first "ands r5, r7\n\t"                                                \
          "muls r5, r6\n\t"                                                                        \
          "add r8, r5\n\t" second "ands r5, r7\n\t"                                                \
          "muls r5, r6\n\t"                                                                        \
          "add r9, r5\n\t"
#define AKRT_DENSE_SHIFTED(bits)                                                                   \
    AKRT_DENSE_INPUTS_OF_TWO("lsrs r6, r4, #" bits "\n\t", "lsrs r5, r2, #" bits "\n\t",           \
                             "lsrs r5, r3, #" bits "\n\t")
/* Adds the products of a pair of filters, those of the next octet `step` words on. */
__attribute__((noinline)) static void akrt_dense_pair(const uint32_t *octet,
                                                      const uint32_t *weights, int32_t step,
                                                      int32_t octets, int32_t *to) {
    uint32_t sums[2];
    register const uint32_t *a __asm__("r0") = octet;
    register const uint32_t *w __asm__("r1") = weights;
    register int32_t further __asm__("r2") = step;
    register int32_t n __asm__("r3") = octets;
    register uint32_t *both __asm__("r4") = sums;
    __asm__ volatile(".syntax unified\n\t"
                     "push {r4, r7}\n\t"
                     "lsls r2, #2\n\t"
                     "mov r11, r2\n\t"
                     "lsls r3, #2\n\t"
                     "add r3, r0\n\t"
                     "mov r10, r3\n\t"
                     "movs r7, #15\n\t"
                     "lsls r4, r7, #16\n\t"
                     "orrs r7, r4\n\t"
                     "movs r4, #0\n\t"
                     "mov r8, r4\n\t"
                     "mov r9, r4\n\t"
                     "1:\n\t"
                     "ldmia r0!, {r4}\n\t"
                     "ldr r2, [r1]\n\t"
                     "ldr r3, [r1, #4]\n\t"
                     "add r1, r11\n\t" AKRT_DENSE_INPUTS_OF_TWO(
                         "movs r6, r4\n\t", "movs r5, r2\n\t", "movs r5, r3\n\t")
                         AKRT_DENSE_SHIFTED("4") AKRT_DENSE_SHIFTED("8")
                             AKRT_DENSE_SHIFTED("12") "cmp r0, r10\n\t"
                                                      "bne 1b\n\t"
                                                      "pop {r4, r7}\n\t"
                                                      "mov r5, r8\n\t"
                                                      "mov r6, r9\n\t"
                                                      "stmia r4!, {r5, r6}\n\t"
                     : "+r"(a), "+r"(w), "+r"(further), "+r"(n), "+r"(both)
                     :
                     : "r5", "r6", "r8", "r9", "r10", "r11", "cc", "memory");
    to[0] += (int32_t)(sums[0] >> 16);
    to[1] += (int32_t)(sums[1] >> 16);
}
#undef AKRT_DENSE_INPUTS_OF_TWO
#undef AKRT_DENSE_SHIFTED
#else
/* Adds the products of a pair of filters, whose weights are `step` words apart. */
AKRT_IN_ORDER static void akrt_dense_pair(const uint32_t *octet, const uint32_t *weights,
                                          int32_t step, int32_t octets, int32_t *to) {
    const uint32_t *const end = octet + octets;
    uint32_t s0 = 0, s1 = 0;
    do {
        const uint32_t inputs = *octet++, w0 = weights[0], w1 = weights[1];
        AKRT_DENSE_INPUTS(0, AKRT_DENSE_TWO);
        AKRT_DENSE_INPUTS(1, AKRT_DENSE_TWO);
        AKRT_DENSE_INPUTS(2, AKRT_DENSE_TWO);
        AKRT_DENSE_INPUTS(3, AKRT_DENSE_TWO);
        weights += step;
    } while (octet != end);
    to[0] += (int32_t)(s0 >> 16);
    to[1] += (int32_t)(s1 >> 16);
}
#endif

#if defined(__arm__)
static void akrt_dense_group(const uint32_t *octet, const uint32_t *weights, int32_t octets,
                             int32_t *to) {
    for (int32_t f = 0; f < AKRT_DENSE_GROUP; f += 2) {
        akrt_dense_pair(octet, weights + f, AKRT_DENSE_GROUP, octets, to + f);
    }
}
#else
AKRT_IN_ORDER static void akrt_dense_group(const uint32_t *octet, const uint32_t *weights,
                                           int32_t octets, int32_t *to) {
    const uint32_t *const end = octet + octets;
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
    do {
        const uint32_t inputs = *octet++;
        const uint32_t w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3];
        const uint32_t w4 = weights[4], w5 = weights[5], w6 = weights[6], w7 = weights[7];
        AKRT_DENSE_INPUTS(0, AKRT_DENSE_EIGHT);
        AKRT_DENSE_INPUTS(1, AKRT_DENSE_EIGHT);
        AKRT_DENSE_INPUTS(2, AKRT_DENSE_EIGHT);
        AKRT_DENSE_INPUTS(3, AKRT_DENSE_EIGHT);
        weights += AKRT_DENSE_GROUP;
    } while (octet != end);
    to[0] += (int32_t)(s0 >> 16);
    to[1] += (int32_t)(s1 >> 16);
    to[2] += (int32_t)(s2 >> 16);
    to[3] += (int32_t)(s3 >> 16);
    to[4] += (int32_t)(s4 >> 16);
    to[5] += (int32_t)(s5 >> 16);
    to[6] += (int32_t)(s6 >> 16);
    to[7] += (int32_t)(s7 >> 16);
}
#endif
#undef AKRT_DENSE_FILTER
#undef AKRT_DENSE_INPUTS
#undef AKRT_DENSE_TWO
#undef AKRT_DENSE_EIGHT

AKRT_LAYER static void akrt_dense_line(const akrt_mcu_layer *layer, const void *const *lines,
                                       void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const uint32_t *const input = (const uint32_t *)lines[0];
    const int32_t octets = w->in_x * w->in_y * AKRT_LINE_WORDS(w->channels);
    const uint32_t *weights = (const uint32_t *)layer->weights;
    int32_t start = 0, done = 0;
    for (int32_t k = 0; k < octets; k++) {
        const uint32_t pairs = (input[k] & 0x0f0f0f0fu) + (input[k] >> 4 & 0x0f0f0f0fu);
        start -= (int32_t)((pairs * 0x01010101u >> 24) * 8);
        AKRT_TICK_AT(k);
    }
    for (int32_t f = 0; f < layer->filters; f += 8) {
        const int32_t some = layer->filters - f < 8 ? layer->filters - f : 8;
        for (int32_t i = 0; i < 8; i++) {
            scratch[i] = start;
        }
        for (int32_t first = 0; first < octets; first += AKRT_DENSE_OCTETS) {
            const int32_t left = octets - first;
            const int32_t part = left < AKRT_DENSE_OCTETS ? left : AKRT_DENSE_OCTETS;
            if (some == AKRT_DENSE_GROUP) {
                akrt_dense_group(input + first, weights + AKRT_DENSE_GROUP * first, part, scratch);
            } else {
                for (int32_t i = 0; i < some; i += 2) {
                    akrt_dense_pair(input + first, weights + i * octets + 2 * first, 2, part,
                                    scratch + i);
                }
            }
            AKRT_TICK_WORK(done, 64 * part);
        }
        akrt_emit(layer, scratch, 0, f, some, 0, 1, target);
        weights += 8 * octets;
    }
}
#endif
