#ifndef AKRT_PWCONV_QUADS_H
#define AKRT_PWCONV_QUADS_H
#include "akrt_rows.h"
/* Sums over `quads` times four channels of a pair of filters at five positions:
 * sums[y] = start[y] + sum of mid[k][y] * (u0[k] + u1[k] * 2^16), modulo 2^32. A word of weights holds four u0 in
 * its low half and four u1 in its high half, so one shift and mask gives both. */
#if defined(__thumb2__) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
/* Thumb-2: loads in multiples; a compiler spends an instruction on every one. All registers are
 * taken: r7, which may be the frame's, is put back. */
__attribute__((noinline)) static void akrt_pwconv_quads(const int32_t *mid, const uint32_t *weights,
                                                        int32_t quads, const uint32_t *start,
                                                        uint32_t *sums) {
    register const int32_t *m __asm__("r0") = mid;
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
                     "ldr lr, [r1], #4\n\t"
                     AKRT_CHANNEL("")
                     AKRT_CHANNEL(", lsr #4")
                     AKRT_CHANNEL(", lsr #8")
                     AKRT_CHANNEL(", lsr #12")
                     "subs r2, #1\n\t"
                     "bne 1b\n\t"
                     "pop {r4, r7}\n\t"
                     "stmia r4, {r8, r9, r10, r11, r12}\n\t"
                     : "+r"(m), "+r"(w), "+r"(n), "+r"(from), "+r"(to)
                     :
                     : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#undef AKRT_CHANNEL
}
#elif defined(__thumb__) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
/* Thumb-1: the sums live in the high registers, which can add but not multiply. */
static void akrt_pwconv_quads(const int32_t *mid, const uint32_t *weights, int32_t quads,
                              const uint32_t *start, uint32_t *sums) {
    uint32_t s0 = start[0], s1 = start[1], s2 = start[2], s3 = start[3], s4 = start[4];
    uint32_t word, u, t;
#define AKRT_TERM(sum, offset)                                                                     \
    "ldr %[t], [%[mid], #" offset "]\n\t"                                                          \
    "muls %[t], %[u]\n\t"                                                                          \
    "add %[" sum "], %[t]\n\t"
#define AKRT_CHANNEL(a, b, c, d, e)                                                                \
    "mov %[u], %[word]\n\t"                                                                        \
    "ands %[u], %[mask]\n\t" AKRT_TERM("s0", a) AKRT_TERM("s1", b) AKRT_TERM("s2", c)              \
        AKRT_TERM("s3", d) AKRT_TERM("s4", e)
    __asm__ volatile(".syntax unified\n\t"
                     "1:\n\t"
                     "ldmia %[weights]!, {%[word]}\n\t"
                     AKRT_CHANNEL("0", "4", "8", "12", "16")
                     "lsrs %[word], #4\n\t"
                     AKRT_CHANNEL("20", "24", "28", "32", "36")
                     "lsrs %[word], #4\n\t"
                     AKRT_CHANNEL("40", "44", "48", "52", "56")
                     "lsrs %[word], #4\n\t"
                     AKRT_CHANNEL("60", "64", "68", "72", "76")
                     "adds %[mid], #80\n\t"
                     "subs %[quads], #1\n\t"
                     "bne 1b\n\t"
                     : [s0] "+h"(s0), [s1] "+h"(s1), [s2] "+h"(s2), [s3] "+h"(s3), [s4] "+h"(s4),
                       [mid] "+l"(mid), [weights] "+l"(weights), [quads] "+l"(quads),
                       [word] "=&l"(word), [u] "=&l"(u), [t] "=&l"(t)
                     : [mask] "l"(0x000f000fu)
                     : "cc", "memory");
#undef AKRT_CHANNEL
#undef AKRT_TERM
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = s4;
}
#else
#define AKRT_CHANNEL(k, shift)                                                                     \
    do {                                                                                           \
        const uint32_t u = word >> (shift) & 0x000f000fu;                                          \
        s0 += (uint32_t)mid[5 * (k)] * u;                                                          \
        s1 += (uint32_t)mid[5 * (k) + 1] * u;                                                      \
        s2 += (uint32_t)mid[5 * (k) + 2] * u;                                                      \
        s3 += (uint32_t)mid[5 * (k) + 3] * u;                                                      \
        s4 += (uint32_t)mid[5 * (k) + 4] * u;                                                      \
    } while (0)
AKRT_IN_ORDER static void akrt_pwconv_quads(const int32_t *mid, const uint32_t *weights, int32_t quads,
                              const uint32_t *start, uint32_t *sums) {
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
