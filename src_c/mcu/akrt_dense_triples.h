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

/* Adds to the products a and b of three filters those of octets of inputs, at least one. */
static inline void akrt_dense_octets(const uint32_t *octet, const uint32_t *weights, int32_t octets,
                                     int32_t *a, int32_t *b) {
    register const uint32_t *v __asm__("r0") = octet;
    register const uint32_t *w __asm__("r1") = weights;
    register int32_t first __asm__("r8") = *a;
    register int32_t second __asm__("r9") = *b;
    const uint32_t *const end = octet + octets;
    const uint32_t mask = 0xf00ff00fu, low = 0x000f000fu;
    __asm__ volatile("1:\n\t"
                     "ldmia r1!, {r2, r3, r4}\n\t"
                     "ldr r5, [r0], #4\n\t"
                     "and r6, %[low], r5\n\t"
                     "and r10, r2, #0x0f0f0f0f\n\t"
                     "smlad r8, r6, r10, r8\n\t"
                     "and r10, %[mask], r2, ror #8\n\t"
                     "smlad r9, r6, r10, r9\n\t"
                     "and r6, %[low], r5, lsr #4\n\t"
                     "and r10, r3, #0x0f0f0f0f\n\t"
                     "smlad r8, r6, r10, r8\n\t"
                     "and r10, %[mask], r3, ror #8\n\t"
                     "smlad r9, r6, r10, r9\n\t"
                     "and r6, %[low], r5, lsr #8\n\t"
                     "and r10, r4, #0x0f0f0f0f\n\t"
                     "smlad r8, r6, r10, r8\n\t"
                     "and r10, %[mask], r4, ror #8\n\t"
                     "smlad r9, r6, r10, r9\n\t"
                     "and r6, %[low], r5, lsr #12\n\t"
                     "and r4, %[low], r4, lsr #12\n\t"
                     "and r2, %[low], r2, lsr #12\n\t"
                     "and r3, r3, #0xf000f000\n\t"
                     "orr r10, r2, r4, lsl #8\n\t"
                     "smlad r8, r6, r10, r8\n\t"
                     "orr r10, r3, r4\n\t"
                     "smlad r9, r6, r10, r9\n\t"
                     "cmp r0, %[end]\n\t"
                     "bne 1b\n\t"
                     : "+r"(v), "+r"(w), "+r"(first), "+r"(second)
                     : [end] "r"(end), [mask] "r"(mask), [low] "r"(low)
                     : "r2", "r3", "r4", "r5", "r6", "r10", "cc", "memory");
    *a = first;
    *b = second;
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
                int32_t a, b;
                if ((f | i) == 0 || octets > AKRT_DENSE_OCTETS) {
                    sum = akrt_octets_sum(input + first, many);
                }
                a = sum * (-8 * 257);
                b = sum * -8;
                akrt_dense_octets(input + first, weights + 3 * first, many, &a, &b);
                {
                    AKRT_TRIPLE_SPLIT(a, b)
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
