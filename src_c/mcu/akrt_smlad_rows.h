#ifndef AKRT_SMLAD_ROWS_H
#define AKRT_SMLAD_ROWS_H
#include "akrt_rows.h"
#if AKRT_DSP
/* For every group of AKRT_PAIR_WORDS words from `pairs` to `end`, two words of weights w and five
 * of values v, all of them pairs of halfwords: sums[5 * i + y] = start[5 * i + y] + w[i] . v[y],
 * mod 2^32. At least one group. All registers are taken: r7, which may be the frame's, is put back.
 */
__attribute__((noinline)) static void akrt_smlad_rows(const uint32_t *pairs, const uint32_t *end,
                                                      const int32_t *start, int32_t *sums) {
    register const uint32_t *p __asm__("r0") = pairs;
    register const uint32_t *to __asm__("r1") = end;
    register const int32_t *from __asm__("r2") = start;
    register int32_t *s __asm__("r3") = sums;
#define AKRT_PAIR                                                                                  \
    "ldmia r0!, {r1, r2, r7}\n\t"                                                                  \
    "smlad r3, r1, r7, r3\n\t"                                                                     \
    "smlad r9, r2, r7, r9\n\t"                                                                     \
    "ldr r7, [r0], #4\n\t"                                                                         \
    "smlad r4, r1, r7, r4\n\t"                                                                     \
    "smlad r10, r2, r7, r10\n\t"                                                                   \
    "ldr r7, [r0], #4\n\t"                                                                         \
    "smlad r5, r1, r7, r5\n\t"                                                                     \
    "smlad r11, r2, r7, r11\n\t"                                                                   \
    "ldr r7, [r0], #4\n\t"                                                                         \
    "smlad r6, r1, r7, r6\n\t"                                                                     \
    "smlad r12, r2, r7, r12\n\t"                                                                   \
    "ldr r7, [r0], #4\n\t"                                                                         \
    "smlad r8, r1, r7, r8\n\t"                                                                     \
    "smlad lr, r2, r7, lr\n\t"
    __asm__ volatile("push {r1, r3, r7}\n\t"
                     "ldmia r2, {r3, r4, r5, r6, r8, r9, r10, r11, r12, lr}\n\t"
                     "subs r1, r0\n\t" /* four groups at a time: enter where the rest begins */
                     "ands r1, r1, #12\n\t"
                     "beq 1f\n\t"
                     "cmp r1, #8\n\t"
                     "beq 3f\n\t"
                     "bhi 4f\n\t"
                     "b 2f\n\t"
                     "1:\n\t" AKRT_PAIR "2:\n\t" AKRT_PAIR "3:\n\t" AKRT_PAIR "4:\n\t" AKRT_PAIR
                     "ldr r7, [sp]\n\t"
                     "cmp r0, r7\n\t"
                     "bne 1b\n\t"
                     "pop {r1, r2, r7}\n\t"
                     "stmia r2, {r3, r4, r5, r6, r8, r9, r10, r11, r12, lr}\n\t"
                     : "+r"(p), "+r"(to), "+r"(s), "+r"(from)
                     :
                     : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#undef AKRT_PAIR
}
#endif
#endif
