#ifndef AKRT_POINTWISE_LONG_H
#define AKRT_POINTWISE_LONG_H
#include "akrt_depthwise_lines_long.h"
#if AKRT_LONG_MLA && !AKRT_DSP && defined(__GNUC__)
/* akrt_pointwise_quads with loads in multiples. All registers are taken: r7, which may be the
 * frame's, is put back. */
#define AKRT_POINTWISE_CHANNEL                                                                     \
    "ldmia r0!, {r4, r5, r6}\n\t"                                                                  \
    "mla r7, r4, r8, r7\n\t"                                                                       \
    "mla r9, r5, r8, r9\n\t"                                                                       \
    "mla r10, r6, r8, r10\n\t"                                                                     \
    "ldmia r0!, {r4, r5, r6}\n\t"                                                                  \
    "mla r11, r4, r8, r11\n\t"                                                                     \
    "mla r12, r5, r8, r12\n\t"                                                                     \
    "mla lr, r6, r8, lr\n\t"
#define AKRT_POINTWISE_POSITION(sum)                                                               \
    "ldrd r4, r6, [r3]\n\t"                                                                        \
    "sxth r0, " sum "\n\t"                                                                         \
    "add r4, r4, r0\n\t"                                                                           \
    "add r0, " sum ", #0x8000\n\t"                                                                 \
    "add r6, r6, r0, asr #16\n\t"                                                                  \
    "strd r4, r6, [r3]\n\t"                                                                        \
    "add r3, r3, r5\n\t"
__attribute__((noinline)) static void akrt_pointwise_quads(const akrt_mid *a,
                                                           const uint32_t *weights, int32_t quads,
                                                           const uint32_t *start, int32_t filters,
                                                           int32_t *to) {
    register const akrt_mid *v __asm__("r0") = a;
    register const uint32_t *w __asm__("r1") = weights;
    register const uint32_t *end __asm__("r2") = weights + quads;
    register int32_t *out __asm__("r3") = to;
    register const uint32_t *from __asm__("r4") = start;
    register int32_t apart __asm__("r5") = filters * (int32_t)sizeof *to;
    __asm__ volatile("push {r2, r3, r5, r7}\n\t"
                     "ldmia r4, {r7, r9, r10, r11, r12, lr}\n\t"
                     "mov r2, #0x000f000f\n\t"
                     "1:\n\t"
                     "ldr r3, [r1], #4\n\t"
                     "and r8, r2, r3\n\t" AKRT_POINTWISE_CHANNEL
                     "and r8, r2, r3, lsr #4\n\t" AKRT_POINTWISE_CHANNEL
                     "and r8, r2, r3, lsr #8\n\t" AKRT_POINTWISE_CHANNEL
                     "and r8, r2, r3, lsr #12\n\t" AKRT_POINTWISE_CHANNEL "ldr r3, [sp]\n\t"
                     "cmp r1, r3\n\t"
                     "bne 1b\n\t"
                     "pop {r2, r3, r5}\n\t" AKRT_POINTWISE_POSITION("r7")
                         AKRT_POINTWISE_POSITION("r9") AKRT_POINTWISE_POSITION("r10")
                             AKRT_POINTWISE_POSITION("r11") AKRT_POINTWISE_POSITION("r12")
                                 AKRT_POINTWISE_POSITION("lr") "pop {r7}\n\t"
                     : "+r"(v), "+r"(w), "+r"(end), "+r"(out), "+r"(from), "+r"(apart)
                     :
                     : "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}
#undef AKRT_POINTWISE_CHANNEL
#undef AKRT_POINTWISE_POSITION
#endif
#endif
