#ifndef AKRT_PWCONV_QUADS_H
#define AKRT_PWCONV_QUADS_H
#include "akrt_rows.h"
#if !AKRT_DSP
/* Sums over `quads` times four channels of a pair of filters at five positions:
 * sums[y] = start[y] + sum of mid[k][y] * (u0[k] + u1[k] * 2^16), modulo 2^32. A word of weights
 * holds four u0 in its low half and four u1 in its high half, so one shift and mask gives both. */
#if defined(__thumb2__) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
/* Thumb-2: loads in multiples; a compiler spends an instruction on every one. All registers are
 * taken: r7, which may be the frame's, is put back. */
__attribute__((noinline)) static void akrt_pwconv_quads(const uint32_t *mid,
                                                        const uint32_t *weights, int32_t quads,
                                                        const uint32_t *start, uint32_t *sums) {
    register const uint32_t *m __asm__("r0") = mid;
    register const uint32_t *w __asm__("r1") = weights;
    register int32_t n __asm__("r2") = quads;
    register const uint32_t *from __asm__("r3") = start;
    register uint32_t *to __asm__("r4") = sums;
#define AKRT_CHANNEL(shift)                                                                        \
    "and r7, r3, lr" shift "\n\t"                                                                  \
    "ldmia r0!, {r4, r5, r6}\n\t"                                                                  \
    "mla r8, r4, r7, r8\n\t"                                                                       \
    "mla r9, r5, r7, r9\n\t"                                                                       \
    "mla r10, r6, r7, r10\n\t"                                                                     \
    "ldmia r0!, {r4, r5}\n\t"                                                                      \
    "mla r11, r4, r7, r11\n\t"                                                                     \
    "mla r12, r5, r7, r12\n\t"
    __asm__ volatile("push {r4, r7}\n\t"
                     "ldmia r3, {r8, r9, r10, r11, r12}\n\t"
                     "mov r3, #0x000f000f\n\t"
                     "1:\n\t"
                     "ldr lr, [r1], #4\n\t" AKRT_CHANNEL("") AKRT_CHANNEL(", lsr #4")
                         AKRT_CHANNEL(", lsr #8")
                             AKRT_CHANNEL(", lsr #12") "subs r2, #1\n\t"
                                                       "bne 1b\n\t"
                                                       "pop {r4, r7}\n\t"
                                                       "stmia r4, {r8, r9, r10, r11, r12}\n\t"
                     : "+r"(m), "+r"(w), "+r"(n), "+r"(from), "+r"(to)
                     :
                     : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#undef AKRT_CHANNEL
}
#elif defined(__thumb__) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
/* Thumb-1: the sums live in the high registers, which can add but not multiply. r7, which may be
 * the frame's, is put back. */
__attribute__((noinline)) static void akrt_pwconv_quads(const uint32_t *mid,
                                                        const uint32_t *weights, int32_t quads,
                                                        const uint32_t *start, uint32_t *sums) {
    register const uint32_t *m __asm__("r0") = mid;
    register const uint32_t *w __asm__("r1") = weights;
    register int32_t n __asm__("r2") = quads;
    register const uint32_t *from __asm__("r3") = start;
    register uint32_t *to __asm__("r4") = sums;
#define AKRT_CHANNEL                                                                               \
    "mov r7, r6\n\t"                                                                               \
    "ands r7, r3\n\t"                                                                              \
    "ldmia r0!, {r4, r5}\n\t"                                                                      \
    "muls r4, r7\n\t"                                                                              \
    "add r8, r4\n\t"                                                                               \
    "muls r5, r7\n\t"                                                                              \
    "add r9, r5\n\t"                                                                               \
    "ldmia r0!, {r4, r5}\n\t"                                                                      \
    "muls r4, r7\n\t"                                                                              \
    "add r10, r4\n\t"                                                                              \
    "muls r5, r7\n\t"                                                                              \
    "add r11, r5\n\t"                                                                              \
    "ldmia r0!, {r4}\n\t"                                                                          \
    "muls r4, r7\n\t"                                                                              \
    "add r12, r4\n\t"
    __asm__ volatile(".syntax unified\n\t"
                     "push {r4, r7}\n\t"
                     "ldmia r3!, {r4, r5, r6, r7}\n\t"
                     "mov r8, r4\n\t"
                     "mov r9, r5\n\t"
                     "mov r10, r6\n\t"
                     "mov r11, r7\n\t"
                     "ldr r4, [r3]\n\t"
                     "mov r12, r4\n\t"
                     "movs r3, #15\n\t"
                     "lsls r4, r3, #16\n\t"
                     "orrs r3, r4\n\t"
                     "1:\n\t"
                     "ldmia r1!, {r6}\n\t" AKRT_CHANNEL "lsrs r6, #4\n\t" AKRT_CHANNEL
                     "lsrs r6, #4\n\t" AKRT_CHANNEL "lsrs r6, #4\n\t" AKRT_CHANNEL "subs r2, #1\n\t"
                     "bne 1b\n\t"
                     "pop {r4, r7}\n\t"
                     "mov r5, r8\n\t"
                     "mov r6, r9\n\t"
                     "stmia r4!, {r5, r6}\n\t"
                     "mov r5, r10\n\t"
                     "mov r6, r11\n\t"
                     "stmia r4!, {r5, r6}\n\t"
                     "mov r5, r12\n\t"
                     "str r5, [r4]\n\t"
                     : "+r"(m), "+r"(w), "+r"(n), "+r"(from), "+r"(to)
                     :
                     : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
#undef AKRT_CHANNEL
}
#else
#define AKRT_CHANNEL(k, shift)                                                                     \
    do {                                                                                           \
        const uint32_t u = word >> (shift)&0x000f000fu;                                            \
        s0 += mid[5 * (k)] * u;                                                                    \
        s1 += mid[5 * (k) + 1] * u;                                                                \
        s2 += mid[5 * (k) + 2] * u;                                                                \
        s3 += mid[5 * (k) + 3] * u;                                                                \
        s4 += mid[5 * (k) + 4] * u;                                                                \
    } while (0)
AKRT_IN_ORDER static void akrt_pwconv_quads(const uint32_t *mid, const uint32_t *weights,
                                            int32_t quads, const uint32_t *start, uint32_t *sums) {
    uint32_t s0 = start[0], s1 = start[1], s2 = start[2], s3 = start[3], s4 = start[4];
    for (const uint32_t *end = weights + quads; weights < end; weights++) {
        const uint32_t word = *weights;
        AKRT_CHANNEL(0, 0);
        AKRT_CHANNEL(1, 4);
        AKRT_CHANNEL(2, 8);
        AKRT_CHANNEL(3, 12);
        mid += 4 * AKRT_ROW_WIDTH;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = s4;
}
#undef AKRT_CHANNEL
#endif
#endif
#endif
