#ifndef AKRT_PWCONV_QUADS_H
#define AKRT_PWCONV_QUADS_H
#include "akrt_rows.h"
/* Adds `quads` times four channels to the sums of a pair of filters at five positions:
 * sums[y] += mid[k][y] * (u0[k] + u1[k] * 2^16), modulo 2^32. A word of weights holds four u0 in
 * its low half and four u1 in its high half, so one shift and mask gives both. */
#if defined(__thumb2__) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
/* Thumb-2: loads in multiples; a compiler spends an instruction on every one. Inlined, the assembly
 * would find no free register. */
__attribute__((noinline)) static void akrt_pwconv_quads(const int32_t *mid, const uint32_t *weights, int32_t quads,
                              uint32_t *sums) {
    uint32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], s4 = sums[4];
    uint32_t word, u;
#define AKRT_CHANNEL(shift)                                                                        \
    "and %[u], %[mask], %[word]" shift "\n\t"                                                      \
    "ldmia %[mid]!, {r4, r5, r6}\n\t"                                                              \
    "mla %[s0], r4, %[u], %[s0]\n\t"                                                               \
    "mla %[s1], r5, %[u], %[s1]\n\t"                                                               \
    "mla %[s2], r6, %[u], %[s2]\n\t"                                                               \
    "ldmia %[mid]!, {r4, r5}\n\t"                                                                  \
    "mla %[s3], r4, %[u], %[s3]\n\t"                                                               \
    "mla %[s4], r5, %[u], %[s4]\n\t"
    __asm__ volatile("1:\n\t"
                     "ldr %[word], [%[weights]], #4\n\t"
                     AKRT_CHANNEL("")
                     AKRT_CHANNEL(", lsr #4")
                     AKRT_CHANNEL(", lsr #8")
                     AKRT_CHANNEL(", lsr #12")
                     "subs %[quads], #1\n\t"
                     "bne 1b\n\t"
                     : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [s4] "+r"(s4),
                       [mid] "+r"(mid), [weights] "+r"(weights), [quads] "+r"(quads),
                       [word] "=&r"(word), [u] "=&r"(u)
                     : [mask] "r"(0x000f000fu)
                     : "r4", "r5", "r6", "cc", "memory");
#undef AKRT_CHANNEL
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = s4;
}
#elif defined(__thumb__) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
/* Thumb-1: the sums live in the high registers, which can add but not multiply. */
static void akrt_pwconv_quads(const int32_t *mid, const uint32_t *weights, int32_t quads,
                              uint32_t *sums) {
    uint32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], s4 = sums[4];
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
                              uint32_t *sums) {
    uint32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], s4 = sums[4];
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
