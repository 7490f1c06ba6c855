#ifndef AKRT_HIGH_SUMS_H
#define AKRT_HIGH_SUMS_H
#include "akrt_halves.h"
#if AKRT_HIGH_SUMS
/* Thumb-1. Words of values at r0, a weight or two in r3; r4 to r6 are free. Six sums live
 * in r8 to r12 and lr. */
#define AKRT_HIGH_CLEAR                                                                            \
    "mov r8, r4\n\t"                                                                               \
    "mov r9, r4\n\t"                                                                               \
    "mov r10, r4\n\t"                                                                              \
    "mov r11, r4\n\t"                                                                              \
    "mov r12, r4\n\t"                                                                              \
    "mov lr, r4\n\t"
#define AKRT_HIGH_FIRST_THREE                                                                      \
    "ldmia r0!, {r4, r5, r6}\n\t"                                                                  \
    "muls r4, r3\n\t"                                                                              \
    "add r8, r4\n\t"                                                                               \
    "muls r5, r3\n\t"                                                                              \
    "add r9, r5\n\t"                                                                               \
    "muls r6, r3\n\t"                                                                              \
    "add r10, r6\n\t"
/* An input at six positions, at four, and what the sums are put at. */
#define AKRT_HIGH_SIX                                                                              \
    AKRT_HIGH_FIRST_THREE                                                                          \
    "ldmia r0!, {r4, r5, r6}\n\t"                                                                  \
    "muls r4, r3\n\t"                                                                              \
    "add r11, r4\n\t"                                                                              \
    "muls r5, r3\n\t"                                                                              \
    "add r12, r5\n\t"                                                                              \
    "muls r6, r3\n\t"                                                                              \
    "add lr, r6\n\t"
#define AKRT_HIGH_FOUR                                                                             \
    AKRT_HIGH_FIRST_THREE                                                                          \
    "ldmia r0!, {r4}\n\t"                                                                          \
    "muls r4, r3\n\t"                                                                              \
    "add r11, r4\n\t"
#define AKRT_HIGH_PUT                                                                              \
    "mov r5, r8\n\t"                                                                               \
    "mov r6, r9\n\t"                                                                               \
    "stmia r4!, {r5, r6}\n\t"                                                                      \
    "mov r5, r10\n\t"                                                                              \
    "mov r6, r11\n\t"                                                                              \
    "stmia r4!, {r5, r6}\n\t"                                                                      \
    "mov r5, r12\n\t"                                                                              \
    "mov r6, lr\n\t"                                                                               \
    "stmia r4!, {r5, r6}\n\t"
#endif
#endif
