#ifndef AKRT_STRIP_PRODUCTS_HALVES_H
#define AKRT_STRIP_PRODUCTS_HALVES_H
#include "akrt_high_sums.h"
#include "akrt_strips_halves.h"
/* Sums of a run over all taps of strips, for a pair of filters or two pairs whose weights are
 * `step` words apart: (pairs, AKRT_RUN). */
#if AKRT_HIGH_SUMS
#define AKRT_STRIP_SUMS(name, clear, input, put)                                                   \
    __attribute__((noinline)) static void name(                                                    \
        const akrt_strip_value *values, const uint32_t *weights, int32_t step,                     \
        const int32_t *taps, int32_t quads, uint32_t *sums) {                                      \
        register const akrt_strip_value *a __asm__("r0") = values;                                 \
        register const uint32_t *w __asm__("r1") = weights;                                        \
        register int32_t n __asm__("r2") = quads;                                                  \
        register const int32_t *tap __asm__("r3") = taps;                                          \
        register uint32_t *to __asm__("r4") = sums;                                                \
        (void)step;                                                                                \
        __asm__ volatile(".syntax unified\n\t"                                                     \
                         "push {r4, r7}\n\t"                                                       \
                         "lsls r2, #2\n\t"                                                         \
                         "sub sp, #16\n\t"                                                         \
                         "str r2, [sp, #4]\n\t"                                                    \
                         "movs r7, #15\n\t"                                                        \
                         "lsls r4, r7, #16\n\t"                                                    \
                         "orrs r7, r4\n\t"                                                         \
                         "movs r4, #0\n\t" clear "ldmia r3!, {r4, r5}\n\t"                         \
                         "str r3, [sp, #8]\n\t"                                                    \
                         "1:\n\t"                                                                  \
                         "lsls r4, #2\n\t"                                                         \
                         "lsls r5, #2\n\t"                                                         \
                         "adds r0, r4\n\t"                                                         \
                         "adds r1, r5\n\t"                                                         \
                         "ldr r5, [sp, #4]\n\t"                                                    \
                         "adds r5, r1\n\t"                                                         \
                         "str r5, [sp]\n\t"                                                        \
                         "2:\n\t"                                                                  \
                         "ldmia r1!, {r2}\n\t"                                                     \
                         "movs r3, r2\n\t" input "lsrs r3, r2, #4\n\t" input                       \
                         "lsrs r3, r2, #8\n\t" input "lsrs r3, r2, #12\n\t" input                  \
                         "ldr r4, [sp]\n\t"                                                        \
                         "cmp r1, r4\n\t"                                                          \
                         "bne 2b\n\t"                                                              \
                         "ldr r3, [sp, #8]\n\t"                                                    \
                         "ldmia r3!, {r4, r5}\n\t"                                                 \
                         "str r3, [sp, #8]\n\t"                                                    \
                         "cmp r4, #4\n\t" /* AKRT_STRIP_END */                                     \
                         "bne 1b\n\t"                                                              \
                         "add sp, #16\n\t"                                                         \
                         "pop {r4, r7}\n\t" put                                                    \
                         : "+r"(a), "+r"(w), "+r"(n), "+r"(tap), "+r"(to)                          \
                         :                                                                         \
                         : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");     \
    }
AKRT_STRIP_SUMS(akrt_strip_six, AKRT_HIGH_CLEAR, "ands r3, r7\n\t" AKRT_HIGH_SIX "adds r0, #8\n\t",
                AKRT_HIGH_PUT)
AKRT_STRIP_SUMS(akrt_strip_four, AKRT_HIGH_CLEAR,
                "ands r3, r7\n\t" AKRT_HIGH_FOUR "adds r0, #16\n\t", AKRT_HIGH_PUT)
#define akrt_strip_two akrt_strip_four
#undef AKRT_STRIP_SUMS
#else
#define AKRT_STRIP_SUMS(name, many)                                                                \
    AKRT_IN_ORDER static void name(const akrt_strip_value *a, const uint32_t *weights,             \
                                   int32_t step, const int32_t *taps, int32_t quads,               \
                                   uint32_t *sums) {                                               \
        const int32_t positions = many;                                                            \
        uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0;                                   \
        uint32_t t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0, t5 = 0;                                   \
        do {                                                                                       \
            const uint32_t *end;                                                                   \
            a += taps[0];                                                                          \
            weights += taps[1];                                                                    \
            end = weights + quads;                                                                 \
            taps += 2;                                                                             \
            do {                                                                                   \
                uint32_t first = weights[0], second = weights[step];                               \
                AKRT_HALVES_INPUT(a);                                                              \
                AKRT_HALVES_INPUT(a + AKRT_STRIP_WIDTH);                                           \
                AKRT_HALVES_INPUT(a + 2 * AKRT_STRIP_WIDTH);                                       \
                AKRT_HALVES_INPUT(a + 3 * AKRT_STRIP_WIDTH);                                       \
                a += 4 * AKRT_STRIP_WIDTH;                                                         \
                weights++;                                                                         \
            } while (weights != end);                                                              \
        } while (*taps != AKRT_STRIP_END);                                                         \
        AKRT_HALVES_PUT(sums);                                                                     \
    }
AKRT_STRIP_SUMS(akrt_strip_six, 6)
AKRT_STRIP_SUMS(akrt_strip_four, 4)
AKRT_STRIP_SUMS(akrt_strip_two, 2)
#undef AKRT_STRIP_SUMS
#endif
#endif
