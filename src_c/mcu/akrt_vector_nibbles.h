#ifndef AKRT_VECTOR_NIBBLES_H
#define AKRT_VECTOR_NIBBLES_H
#include "akrt_vector_products.h"
#if AKRT_MVE
#define AKRT_GROUP_PAIRS                                                                           \
    "vldrb.u8 q0, [r3], #16\n\t"                                                                   \
    "vldrb.u8 q4, [r1], #16\n\t"                                                                   \
    "vldrb.u8 q1, [r3], #16\n\t"                                                                   \
    "vshl.i8 q2, q0, #4\n\t"                                                                       \
    "vmladava.s8 r0, q2, q4\n\t"                                                                   \
    "vldrb.u8 q5, [r1], #16\n\t"                                                                   \
    "vmladava.s8 r8, q0, q4\n\t"                                                                   \
    "vshl.i8 q3, q1, #4\n\t"                                                                       \
    "vmladava.s8 r10, q1, q4\n\t"                                                                  \
    "vmladava.s8 r2, q3, q4\n\t"                                                                   \
    "vmladava.s8 r4, q2, q5\n\t"                                                                   \
    "vmladava.s8 r12, q0, q5\n\t"                                                                  \
    "vmladava.s8 r6, q3, q5\n\t"                                                                   \
    "vmladava.s8 lr, q1, q5\n\t"

/* Adds up 16 * sum of filters 0 and 2, 16 * sum + sum of the other filter for 1 and 3. patch
 * (steps, 2, positions, 16) of 0..15, weights (groups, steps, 2, pairs of filters, 16). */
__attribute__((noinline)) static void akrt_vector_nibbles(const uint8_t *patch,
                                                          const uint8_t *weights, int32_t steps,
                                                          int32_t groups, int32_t *sums) {
    AKRT_GROUPS_ASM(AKRT_GROUP_PAIRS AKRT_GROUP_PAIRS, "6");
}
#undef AKRT_GROUP_PAIRS
#endif
#endif
