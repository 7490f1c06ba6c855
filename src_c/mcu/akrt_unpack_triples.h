#ifndef AKRT_UNPACK_TRIPLES_H
#define AKRT_UNPACK_TRIPLES_H
#include "akrt_cores.h"
#if AKRT_DSP
/* Weights of three filters, three words for eight channels, to two words for two channels, which
 * lie `step` bytes apart: halves u0 + u1 * 2^8 and u1 + w2 * 2^12, u being a weight + 8. A half of
 * the first three words holds u0, w2 of the other half, and u1, a nibble each; the fourth nibbles
 * are those of channels 6, 7. */
#define AKRT_UNPACK_TRIPLES(weights, end, out, step)                                               \
    do {                                                                                           \
        register const uint32_t *w __asm__("r0") = weights;                                        \
        register const uint32_t *to __asm__("r1") = end;                                           \
        register uint32_t *p __asm__("r2") = out;                                                  \
        __asm__ volatile("movw r6, #0xf00f\n\t"                                                    \
                         "movt r6, #0xf00f\n\t"                                                    \
                         "mov r10, #0x000f000f\n\t"                                                \
                         "1:\n\t"                                                                  \
                         "ldmia r0!, {r3, r4, r5}\n\t"                                             \
                         "and r8, r3, #0x0f0f0f0f\n\t"                                             \
                         "and r9, r6, r3, ror #8\n\t"                                              \
                         "strd r8, r9, [r2], #" step "\n\t"                                        \
                         "and r8, r4, #0x0f0f0f0f\n\t"                                             \
                         "and r9, r6, r4, ror #8\n\t"                                              \
                         "strd r8, r9, [r2], #" step "\n\t"                                        \
                         "and r8, r5, #0x0f0f0f0f\n\t"                                             \
                         "and r9, r6, r5, ror #8\n\t"                                              \
                         "strd r8, r9, [r2], #" step "\n\t"                                        \
                         "and r5, r10, r5, lsr #12\n\t"                                            \
                         "and r3, r10, r3, lsr #12\n\t"                                            \
                         "and r4, r4, #0xf000f000\n\t"                                             \
                         "orr r8, r3, r5, lsl #8\n\t"                                              \
                         "orr r9, r4, r5\n\t"                                                      \
                         "strd r8, r9, [r2], #" step "\n\t"                                        \
                         "cmp r0, r1\n\t"                                                          \
                         "bne 1b\n\t"                                                              \
                         : "+r"(w), "+r"(to), "+r"(p)                                              \
                         :                                                                         \
                         : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "cc", "memory");             \
    } while (0)

/* Takes a = S0 + S1 * 2^8 and b = S1 + S2 * 2^12 apart. Neither alone can be, but the low bits of
 * b give those of S1, which leave floor(S0 / 2^8) modulo 2^12: enough, for |S0| is below 2^19. */
#define AKRT_TRIPLE_SPLIT(a, b)                                                                    \
    const int32_t high = (int32_t)((uint32_t)(((a) >> 8) - (b)) << 20) >> 20;                      \
    const int32_t s1 = ((a) >> 8) - high;                                                          \
    const int32_t s0 = (a)-s1 * 256;                                                               \
    const int32_t s2 = ((b)-s1) >> 12;
#endif
#endif
