#ifndef AKRT_VECTOR_TAPS_H
#define AKRT_VECTOR_TAPS_H
#include "akrt_vector_five.h"
#if AKRT_MVE
/* sums (5, 4) of patch[k][y] * weights[2 * k], bytes, over `taps`. */
__attribute__((noinline)) static void akrt_vector_taps(const int32_t *patch, const int8_t *weights,
                                                       int32_t taps, const uint32_t *at,
                                                       int32_t *sums) {
    register const int32_t *m __asm__("r0") = patch;
    register const int8_t *w __asm__("r1") = weights;
    register int32_t n __asm__("r2") = taps;
    register const uint32_t *step __asm__("r9") = at;
    register int32_t *to __asm__("r10") = sums;
    __asm__ volatile("vldrw.u32 q7, [r9]\n\t"
                     "vmov.i32 q0, #0\n\t"
                     "vmov.i32 q1, #0\n\t"
                     "vmov.i32 q2, #0\n\t"
                     "vmov.i32 q3, #0\n\t"
                     "vmov.i32 q4, #0\n\t"
                     "dls lr, r2\n\t"
                     "1:\n\t"
                     "vldrb.s32 q6, [r1, q7]\n\t"
                     "adds r1, #2\n\t" AKRT_FIVE "le lr, 1b\n\t"
                     "vstrw.32 q0, [r10]\n\t"
                     "vstrw.32 q1, [r10, #16]\n\t"
                     "vstrw.32 q2, [r10, #32]\n\t"
                     "vstrw.32 q3, [r10, #48]\n\t"
                     "vstrw.32 q4, [r10, #64]\n\t"
                     : "+r"(m), "+r"(w), "+r"(n)
                     : "r"(step), "r"(to)
                     : "r3", "r4", "r5", "r6", "r8", "lr", "q0", "q1", "q2", "q3", "q4", "q6", "q7",
                       "cc", "memory");
}
#endif
#endif
