#ifndef AKRT_SMLAD_THREE_H
#define AKRT_SMLAD_THREE_H
#include "akrt_smlad_rows.h"
#if AKRT_DSP
/* akrt_smlad_rows at the first three positions of five. */
__attribute__((noinline)) static void akrt_smlad_three(const uint32_t *pairs, const uint32_t *end,
                                                       const int32_t *start, int32_t *sums) {
    register const uint32_t *p __asm__("r0") = pairs;
    register const uint32_t *to __asm__("r1") = end;
    register const int32_t *from __asm__("r2") = start;
    register int32_t *s __asm__("r3") = sums;
#define AKRT_PAIR                                                                                  \
    "ldmia r0!, {r2, r3, r7, r8, r9}\n\t"                                                          \
    "add r0, r0, #8\n\t"                                                                           \
    "smlad r4, r2, r7, r4\n\t"                                                                     \
    "smlad r5, r2, r8, r5\n\t"                                                                     \
    "smlad r6, r2, r9, r6\n\t"                                                                     \
    "smlad r10, r3, r7, r10\n\t"                                                                   \
    "smlad r11, r3, r8, r11\n\t"                                                                   \
    "smlad r12, r3, r9, r12\n\t"
    __asm__ volatile("push {r3, r7}\n\t"
                     "ldmia r2!, {r4, r5, r6}\n\t"
                     "add r2, r2, #8\n\t"
                     "ldmia r2, {r10, r11, r12}\n\t"
                     "subs r2, r1, r0\n\t" /* two groups at a time */
                     "tst r2, #4\n\t"
                     "bne 2f\n\t"
                     "1:\n\t" AKRT_PAIR "2:\n\t" AKRT_PAIR "cmp r0, r1\n\t"
                     "bne 1b\n\t"
                     "pop {r2, r7}\n\t"
                     "stmia r2!, {r4, r5, r6}\n\t"
                     "add r2, r2, #8\n\t"
                     "stmia r2, {r10, r11, r12}\n\t"
                     : "+r"(p), "+r"(to), "+r"(s), "+r"(from)
                     :
                     : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
#undef AKRT_PAIR
}
#endif
#endif
