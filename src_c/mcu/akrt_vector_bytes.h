#ifndef AKRT_VECTOR_BYTES_H
#define AKRT_VECTOR_BYTES_H
#include "akrt_vector_products.h"
#if AKRT_MVE
/* Adds up sums of signed bytes: patch (steps, positions, 16), weights (groups, steps, 4, 16), by
 * filters 0, 2, 1, 3. */
__attribute__((noinline)) static void akrt_vector_bytes(const int8_t *patch, const int8_t *weights,
                                                        int32_t steps, int32_t groups,
                                                        int32_t *sums) {
    AKRT_GROUPS_ASM("vldrb.u8 q4, [r1], #16\n\t"
                    "vldrb.u8 q0, [r3], #16\n\t"
                    "vldrb.u8 q5, [r1], #16\n\t"
                    "vmladava.s8 r0, q0, q4\n\t"
                    "vldrb.u8 q1, [r3], #16\n\t"
                    "vmladava.s8 r4, q0, q5\n\t"
                    "vldrb.u8 q2, [r3], #16\n\t"
                    "vmladava.s8 r2, q1, q4\n\t"
                    "vldrb.u8 q3, [r3], #16\n\t"
                    "vmladava.s8 r6, q1, q5\n\t"
                    "vmladava.s8 r8, q2, q4\n\t"
                    "vmladava.s8 r12, q2, q5\n\t"
                    "vmladava.s8 r10, q3, q4\n\t"
                    "vmladava.s8 lr, q3, q5\n\t",
                    "5");
}
#endif
#endif
