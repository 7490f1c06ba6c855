#ifndef AKRT_VECTOR_HALVES_H
#define AKRT_VECTOR_HALVES_H
#include "akrt_vector_products.h"
#if AKRT_MVE
#define AKRT_GROUP_HALVES(even0, even1, odd0, odd1)                                                \
    "vldrb.u8 q4, [r3], #16\n\t"                                                                   \
    "vshl.i8 q5, q4, #4\n\t"                                                                       \
    "vmladava.s8 " even0 ", q5, q0\n\t"                                                            \
    "vshr.s8 q6, q5, #4\n\t"                                                                       \
    "vmladava.s8 " even1 ", q5, q2\n\t"                                                            \
    "vrshr.s8 q7, q4, #4\n\t"                                                                      \
    "vmladava.s8 " even0 ", q6, q1\n\t"                                                            \
    "vshl.i8 q5, q7, #4\n\t"                                                                       \
    "vmladava.s8 " even1 ", q6, q3\n\t"                                                            \
    "vmladava.s8 " odd0 ", q7, q1\n\t"                                                             \
    "vmladava.s8 " odd1 ", q7, q3\n\t"                                                             \
    "vmladava.s8 " odd0 ", q5, q0\n\t"                                                             \
    "vmladava.s8 " odd1 ", q5, q2\n\t"

#define AKRT_GROUP_STEP                                                                            \
    "vldrb.u8 q0, [r1], #16\n\t"                                                                   \
    "vldrb.u8 q1, [r1], #16\n\t"                                                                   \
    "vldrb.u8 q2, [r1], #16\n\t"                                                                   \
    "vldrb.u8 q3, [r1], #16\n\t" AKRT_GROUP_HALVES("r0", "r4", "r8", "r12")                        \
        AKRT_GROUP_HALVES("r2", "r6", "r10", "lr")

/* Adds up sums of inputs 16 * high + low: patch (steps, positions, 2, 16) of signed bytes, high and
 * low; weights (groups, steps, pairs of filters, 16). */
__attribute__((noinline)) static void akrt_vector_halves(const int8_t *patch,
                                                         const uint8_t *weights, int32_t steps,
                                                         int32_t groups, int32_t *sums) {
    AKRT_GROUPS_ASM(AKRT_GROUP_STEP, "6");
}

/* The same of twice as many steps. */
__attribute__((noinline)) static void akrt_vector_more_halves(const int8_t *patch,
                                                              const uint8_t *weights, int32_t steps,
                                                              int32_t groups, int32_t *sums) {
    AKRT_GROUPS_ASM(AKRT_GROUP_STEP AKRT_GROUP_STEP, "7");
}
#undef AKRT_GROUP_STEP
#undef AKRT_GROUP_HALVES
#endif
#endif
