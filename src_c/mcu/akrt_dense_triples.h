#ifndef AKRT_DENSE_TRIPLES_H
#define AKRT_DENSE_TRIPLES_H
#include "akrt_emit.h"
#include "akrt_octet_sum.h"
#include "akrt_unpack_triples.h"
#if AKRT_DSP
/* A fully connected layer by SMLAD: weights are (triples of filters, octets of inputs, 3), as
 * akrt_unpack_triples.h has them; pairs of inputs are 0 and 4, 1 and 5, 2 and 6, 3 and 7. scratch:
 * the potentials of AKRT_DENSE_FILTERS, words of eight filters and triples. */
#define AKRT_DENSE_FILTERS 24
#define AKRT_DENSE_OCTETS 512 /* times 8 * 15 * 8 is below 2^19 */

/* Adds to the products a and b of three filters, sums[0] and sums[1], those of octets of inputs, at
 * least one. */
__attribute__((noinline)) static void
akrt_dense_octets(const uint32_t *octet, const uint32_t *weights, int32_t octets, int32_t *sums) {
    register const uint32_t *v __asm__("r0") = octet;
    register const uint32_t *w __asm__("r1") = weights;
    register const uint32_t *end __asm__("r2") = octet + octets;
    register int32_t *to __asm__("r3") = sums;
#define AKRT_DENSE_PAIR(word)                                                                      \
    "and r10, " word ", #0x0f0f0f0f\n\t"                                                           \
    "smlad r11, r9, r10, r11\n\t"                                                                  \
    "and r10, lr, " word ", ror #8\n\t"                                                            \
    "smlad r12, r9, r10, r12\n\t"
    __asm__ volatile(
        "push {r3}\n\t"
        "ldrd r11, r12, [r3]\n\t"
        "movw lr, #0xf00f\n\t"
        "movt lr, #0xf00f\n\t"
        "mov r3, #0x000f000f\n\t"
        "1:\n\t"
        "ldmia r1!, {r4, r5, r6}\n\t"
        "ldr r8, [r0], #4\n\t"
        "and r9, r3, r8\n\t" AKRT_DENSE_PAIR("r4") "and r9, r3, r8, lsr #4\n\t" AKRT_DENSE_PAIR(
            "r5") "and r9, r3, r8, lsr #8\n\t" AKRT_DENSE_PAIR("r6") "and r9, r3, r8, lsr #12\n\t"
                                                                     "and r6, r3, r6, lsr #12\n\t"
                                                                     "and r4, r3, r4, lsr #12\n\t"
                                                                     "and r5, r5, #0xf000f000\n\t"
                                                                     "orr r10, r4, r6, lsl #8\n\t"
                                                                     "smlad r11, r9, r10, r11\n\t"
                                                                     "orr r10, r5, r6\n\t"
                                                                     "smlad r12, r9, r10, r12\n\t"
                                                                     "cmp r0, r2\n\t"
                                                                     "bne 1b\n\t"
                                                                     "pop {r3}\n\t"
                                                                     "strd r11, r12, [r3]\n\t"
        : "+r"(v), "+r"(w), "+r"(end), "+r"(to)
        :
        : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#undef AKRT_DENSE_PAIR
}

AKRT_LAYER static void akrt_dense_line(const akrt_mcu_layer *layer, const void *const *lines,
                                       void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const uint32_t *const input = (const uint32_t *)lines[0];
    const int32_t octets = w->in_x * w->in_y * AKRT_LINE_WORDS(w->channels);
    const uint32_t *weights = (const uint32_t *)layer->weights;
    int32_t sum = 0, done = 0;
    for (int32_t f = 0; f < layer->filters; f += AKRT_DENSE_FILTERS) {
        const int32_t left = layer->filters - f;
        const int32_t some = left < AKRT_DENSE_FILTERS ? left : AKRT_DENSE_FILTERS;
        for (int32_t i = 0; i < some; i += 3) {
            memset(scratch + i, 0, 3 * sizeof *scratch);
            for (int32_t first = 0; first < octets; first += AKRT_DENSE_OCTETS) {
                const int32_t rest = octets - first;
                const int32_t many = rest < AKRT_DENSE_OCTETS ? rest : AKRT_DENSE_OCTETS;
                int32_t sums[2];
                if ((f | i) == 0 || octets > AKRT_DENSE_OCTETS) {
                    sum = akrt_octets_sum(input + first, many);
                }
                sums[0] = sum * (-8 * 257);
                sums[1] = sum * -8;
                akrt_dense_octets(input + first, weights + 3 * first, many, sums);
                {
                    AKRT_TRIPLE_SPLIT(sums[0], sums[1])
                    scratch[i] += s0;
                    scratch[i + 1] += s1;
                    scratch[i + 2] += s2;
                }
            }
            weights += 3 * octets;
            AKRT_TICK_WORK(done, 24 * octets);
        }
        akrt_emit(layer, scratch, 0, f, some, 0, 1, target);
    }
}
#endif
#endif
