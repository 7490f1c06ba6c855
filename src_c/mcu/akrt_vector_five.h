#ifndef AKRT_VECTOR_FIVE_H
#define AKRT_VECTOR_FIVE_H
#include "akrt_cores.h"
#if AKRT_MVE
/* Helium: sums at five positions, four filters or pairs of filters to a vector. Five values make a
 * multiple load, each multiplies a vector of weights. `at` are the bytes from one lane's weights
 * to the next one's. r7 may be the frame's and is not used. */
#define AKRT_FIVE                                                                                  \
    "ldmia r0!, {r3, r4, r5, r6, r8}\n\t"                                                          \
    "vmla.s32 q0, q6, r3\n\t"                                                                      \
    "vmla.s32 q1, q6, r4\n\t"                                                                      \
    "vmla.s32 q2, q6, r5\n\t"                                                                      \
    "vmla.s32 q3, q6, r6\n\t"                                                                      \
    "vmla.s32 q4, q6, r8\n\t"
#endif
#endif
