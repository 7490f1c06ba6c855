#ifndef AKRT_VECTOR_QUADS_H
#define AKRT_VECTOR_QUADS_H
#include "akrt_vector_five.h"
#if AKRT_MVE
/* sums (5, 4) = start[y] + sum of mid[k][y] * (u0[k] + u1[k] * 2^16), modulo 2^32, over `quads`
 * times four channels; a word of weights holds four u0 in its low half, four u1 in its high half.
 */
__attribute__((noinline)) static void akrt_vector_quads(const uint32_t *mid,
                                                        const uint32_t *weights, int32_t quads,
                                                        const uint32_t *at, const uint32_t *start,
                                                        uint32_t *sums) {
    register const uint32_t *m __asm__("r0") = mid;
    register const uint32_t *w __asm__("r1") = weights;
    register int32_t n __asm__("r2") = quads;
    register const uint32_t *from __asm__("r3") = start;
    register const uint32_t *step __asm__("r9") = at;
    register uint32_t *to __asm__("r10") = sums;
    __asm__ volatile("vldrw.u32 q7, [r9]\n\t"
                     "ldmia r3, {r3, r4, r5, r6, r8}\n\t"
                     "vdup.32 q0, r3\n\t"
                     "vdup.32 q1, r4\n\t"
                     "vdup.32 q2, r5\n\t"
                     "vdup.32 q3, r6\n\t"
                     "vdup.32 q4, r8\n\t"
                     "dls lr, r2\n\t"
                     "1:\n\t"
                     "vldrw.u32 q5, [r1, q7]\n\t"
                     "adds r1, #4\n\t"
                     "vshl.i16 q6, q5, #12\n\t"
                     "vshr.u16 q6, q6, #12\n\t" AKRT_FIVE "vshl.i16 q6, q5, #8\n\t"
                     "vshr.u16 q6, q6, #12\n\t" AKRT_FIVE "vshl.i16 q6, q5, #4\n\t"
                     "vshr.u16 q6, q6, #12\n\t" AKRT_FIVE "vshr.u16 q6, q5, #12\n\t" AKRT_FIVE
                     "le lr, 1b\n\t"
                     "vstrw.32 q0, [r10]\n\t"
                     "vstrw.32 q1, [r10, #16]\n\t"
                     "vstrw.32 q2, [r10, #32]\n\t"
                     "vstrw.32 q3, [r10, #48]\n\t"
                     "vstrw.32 q4, [r10, #64]\n\t"
                     : "+r"(m), "+r"(w), "+r"(n), "+r"(from)
                     : "r"(step), "r"(to)
                     : "r4", "r5", "r6", "r8", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7",
                       "cc", "memory");
}
#endif
#endif
