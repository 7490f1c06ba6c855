#ifndef AKRT_DEPTHWISE_HIGH_H
#define AKRT_DEPTHWISE_HIGH_H
#include "akrt_halves.h"
#if AKRT_HIGH_SUMS
/* Thumb-1: eight channels, 3 x 3, stride 1, at six positions or four, two of them, half of all
 * apart, to a word. pairs: (3, positions / 2 + 2, 2); weights: (8, 9); mid: (8, positions). The
 * next pair, shifted, goes to r6. */
#define AKRT_HIGH_NEXT(at) "ldr r6, [r0, #" at "]\n\tlsrs r6, r2\n\tands r6, r7\n\t"
#define AKRT_HIGH_TIMES(weight, sum) "movs r1, r6\n\tmuls r1, " weight "\n\tadd " sum ", r1\n\t"
#define AKRT_HIGH_LAST(weight, sum) "muls r6, " weight "\n\tadd " sum ", r6\n\t"
#define AKRT_HIGH_WEIGHT(to, k) "movs " to ", #" k "\n\tldrsb " to ", [r6, " to "]\n\t"
#define AKRT_HIGH_LINE(k0, k1, k2, at0, at1, at2)                                                  \
    "mov r6, r11\n\t" AKRT_HIGH_WEIGHT("r3", k0) AKRT_HIGH_WEIGHT("r4", k1)                        \
        AKRT_HIGH_WEIGHT("r5", k2) AKRT_HIGH_NEXT(at0) AKRT_HIGH_LAST("r3", "r8")                  \
            AKRT_HIGH_NEXT(at1) AKRT_HIGH_TIMES("r4", "r8") AKRT_HIGH_LAST("r3", "r9")             \
                AKRT_HIGH_NEXT(at2) AKRT_HIGH_TIMES("r5", "r8")
#define AKRT_HIGH_LINE_SIX(k0, k1, k2, at0, at1, at2, at3, at4)                                    \
    AKRT_HIGH_LINE(k0, k1, k2, at0, at1, at2)                                                      \
    AKRT_HIGH_TIMES("r4", "r9")                                                                    \
    AKRT_HIGH_LAST("r3", "r10")                                                                    \
    AKRT_HIGH_NEXT(at3)                                                                            \
    AKRT_HIGH_TIMES("r5", "r9")                                                                    \
    AKRT_HIGH_LAST("r4", "r10") AKRT_HIGH_NEXT(at4) AKRT_HIGH_LAST("r5", "r10")
#define AKRT_HIGH_LINE_FOUR(k0, k1, k2, at0, at1, at2, at3)                                        \
    AKRT_HIGH_LINE(k0, k1, k2, at0, at1, at2)                                                      \
    AKRT_HIGH_LAST("r4", "r9")                                                                     \
    AKRT_HIGH_NEXT(at3) AKRT_HIGH_LAST("r5", "r9")
/* Both halves of a sum. */
#define AKRT_HIGH_HALVES(sum, low, high)                                                           \
    "mov r3, " sum "\n\t"                                                                          \
    "sxth r4, r3\n\t"                                                                              \
    "subs r3, r3, r4\n\t"                                                                          \
    "asrs r3, r3, #16\n\t"                                                                         \
    "str r4, [r6, #" low "]\n\t"                                                                   \
    "str r3, [r6, #" high "]\n\t"
#define AKRT_HIGH_NINE(name, lines, put)                                                           \
    __attribute__((noinline)) static void name(const uint32_t *pairs, const int8_t *weights,       \
                                               int32_t *mid) {                                     \
        register const uint32_t *a __asm__("r0") = pairs;                                          \
        register const int8_t *w __asm__("r1") = weights;                                          \
        register int32_t *to __asm__("r2") = mid;                                                  \
        __asm__ volatile(".syntax unified\n\t"                                                     \
                         "push {r7}\n\t"                                                           \
                         "mov r11, r1\n\t"                                                         \
                         "mov r12, r2\n\t"                                                         \
                         "movs r7, #15\n\t"                                                        \
                         "lsls r3, r7, #16\n\t"                                                    \
                         "orrs r7, r3\n\t"                                                         \
                         "movs r2, #0\n\t" /* bits to shift by */                                  \
                         "mov lr, r2\n\t"  /* 1: the second word of four channels */               \
                         "1:\n\t"                                                                  \
                         "movs r6, #0\n\t"                                                         \
                         "mov r8, r6\n\t"                                                          \
                         "mov r9, r6\n\t"                                                          \
                         "mov r10, r6\n\t" lines "mov r6, r12\n\t" put "mov r12, r6\n\t"           \
                         "mov r6, r11\n\t"                                                         \
                         "adds r6, #9\n\t"                                                         \
                         "mov r11, r6\n\t"                                                         \
                         "adds r2, #4\n\t"                                                         \
                         "cmp r2, #16\n\t"                                                         \
                         "beq 2f\n\t"                                                              \
                         "b 1b\n\t"                                                                \
                         "2:\n\t"                                                                  \
                         "mov r1, lr\n\t"                                                          \
                         "cmp r1, #0\n\t"                                                          \
                         "bne 3f\n\t"                                                              \
                         "movs r1, #1\n\t"                                                         \
                         "mov lr, r1\n\t"                                                          \
                         "adds r0, #4\n\t"                                                         \
                         "movs r2, #0\n\t"                                                         \
                         "b 1b\n\t"                                                                \
                         "3:\n\t"                                                                  \
                         "pop {r7}\n\t"                                                            \
                         : "+r"(a), "+r"(w), "+r"(to)                                              \
                         :                                                                         \
                         : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc",    \
                           "memory");                                                              \
    }
AKRT_HIGH_NINE(akrt_depthwise_ones,
               AKRT_HIGH_LINE_SIX("0", "1", "2", "0", "8", "16", "24", "32")
                   AKRT_HIGH_LINE_SIX("3", "4", "5", "40", "48", "56", "64", "72")
                       AKRT_HIGH_LINE_SIX("6", "7", "8", "80", "88", "96", "104", "112"),
               AKRT_HIGH_HALVES("r8", "0", "12") AKRT_HIGH_HALVES("r9", "4", "16")
                   AKRT_HIGH_HALVES("r10", "8", "20") "adds r6, #24\n\t")
AKRT_HIGH_NINE(akrt_depthwise_ones_four,
               AKRT_HIGH_LINE_FOUR("0", "1", "2", "0", "8", "16", "24")
                   AKRT_HIGH_LINE_FOUR("3", "4", "5", "32", "40", "48", "56")
                       AKRT_HIGH_LINE_FOUR("6", "7", "8", "64", "72", "80", "88"),
               AKRT_HIGH_HALVES("r8", "0", "8")
                   AKRT_HIGH_HALVES("r9", "4", "12") "adds r6, #16\n\t")
#undef AKRT_HIGH_NEXT
#undef AKRT_HIGH_TIMES
#undef AKRT_HIGH_LAST
#undef AKRT_HIGH_WEIGHT
#undef AKRT_HIGH_LINE
#undef AKRT_HIGH_LINE_SIX
#undef AKRT_HIGH_LINE_FOUR
#undef AKRT_HIGH_NINE
#undef AKRT_HIGH_HALVES
#endif
#endif
