#ifndef AKRT_TRIPLE_MULADD_H
#define AKRT_TRIPLE_MULADD_H
#include "akrt_rows.h"
#if AKRT_DSP
/* Activations of three filters by the multiply-add of an akrt_requant16, a word of nibbles each, at
 * five positions and at three. `sums` are akrt_smlad_rows's, (2, 5), with room for (3, 5):
 * AKRT_TRIPLE_SPLIT, then filter by filter, the last position first. All registers are taken: r7,
 * which may be the frame's, is put back. */
#define AKRT_MULADD_SPLIT(a, b)                                                                    \
    "rsb r1, " b ", " a ", asr #8\n\t"                                                             \
    "sbfx r1, r1, #0, #12\n\t"                                                                     \
    "rsb r1, r1, " a ", asr #8\n\t"                                                                \
    "sub " a ", " a ", r1, lsl #8\n\t"                                                             \
    "sub " b ", " b ", r1\n\t"                                                                     \
    "asr " b ", " b ", #12\n\t"                                                                    \
    "str r1, [r0], #4\n\t"
/* Constants of filter `f`: factor and addend to r1 and r2, the shift to r7. */
#define AKRT_MULADD_FILTER(f)                                                                      \
    "ldr r7, [sp]\n\t"                                                                             \
    "ldr r1, [r7, #4 * " f "]\n\t"                                                                 \
    "ldr r2, [sp, #8]\n\t"                                                                         \
    "asr r7, r1, #16\n\t"                                                                          \
    "mul r2, r7, r2\n\t"                                                                           \
    "ldr r7, [sp, #12]\n\t"                                                                        \
    "uxth r1, r1\n\t"
#define AKRT_MULADD_LEVEL(v)                                                                       \
    "mla " v ", " v ", r1, r2\n\t"                                                                 \
    "asr " v ", " v ", r7\n\t"                                                                     \
    "usat " v ", #4, " v "\n\t"
#define AKRT_MULADD_NEXT(v, after) AKRT_MULADD_LEVEL(v) "orr " v ", " v ", " after ", lsl #4\n\t"
#define AKRT_MULADD_THREE(a, b, c)                                                                 \
    AKRT_MULADD_LEVEL(c) AKRT_MULADD_NEXT(b, c) AKRT_MULADD_NEXT(a, b)
#define AKRT_MULADD_FIVE(a, b, c, d, e)                                                            \
    AKRT_MULADD_LEVEL(e)                                                                           \
    AKRT_MULADD_NEXT(d, e) AKRT_MULADD_NEXT(c, d) AKRT_MULADD_NEXT(b, c) AKRT_MULADD_NEXT(a, b)
#define AKRT_MULADD_WORDS(load_and_split, first, last, back, words)                                \
    register int32_t *s __asm__("r0") = sums;                                                      \
    register const akrt_requant16 *of __asm__("r1") = requant;                                     \
    register uint32_t *to __asm__("r2") = out;                                                     \
    register int32_t by __asm__("r3") = unit;                                                      \
    register int32_t right __asm__("r4") = shift;                                                  \
    __asm__ volatile("push {r1, r2, r3, r4, r7}\n\t" load_and_split AKRT_MULADD_FILTER("0")        \
                         first AKRT_MULADD_FILTER("2") last AKRT_MULADD_FILTER("1") back           \
                     "pop {r1, r2, r5, r6, r7}\n\t"                                                \
                     "stmia r2, {" words "}\n\t"                                                   \
                     : "+r"(s), "+r"(of), "+r"(to), "+r"(by), "+r"(right)                          \
                     :                                                                             \
                     : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")

__attribute__((noinline)) static void akrt_muladd_five(int32_t *sums, const akrt_requant16 *requant,
                                                       int32_t unit, int32_t shift, uint32_t *out) {
    AKRT_MULADD_WORDS(
        "ldmia r0!, {r3, r4, r5, r6, r8, r9, r10, r11, r12, lr}\n\t" AKRT_MULADD_SPLIT("r3", "r9")
            AKRT_MULADD_SPLIT("r4", "r10") AKRT_MULADD_SPLIT("r5", "r11")
                AKRT_MULADD_SPLIT("r6", "r12") AKRT_MULADD_SPLIT("r8", "lr"),
        AKRT_MULADD_FIVE("r3", "r4", "r5", "r6", "r8"),
        AKRT_MULADD_FIVE("r9", "r10", "r11", "r12", "lr"),
        "ldmdb r0, {r4, r5, r6, r8, r10}\n\t" AKRT_MULADD_FIVE("r4", "r5", "r6", "r8", "r10"),
        "r3, r4, r9");
}

__attribute__((noinline)) static void akrt_muladd_three(int32_t *sums,
                                                        const akrt_requant16 *requant, int32_t unit,
                                                        int32_t shift, uint32_t *out) {
    AKRT_MULADD_WORDS("ldmia r0!, {r3, r4, r5}\n\t"
                      "add r0, r0, #8\n\t"
                      "ldmia r0!, {r9, r10, r11}\n\t"
                      "add r0, r0, #8\n\t" AKRT_MULADD_SPLIT("r3", "r9")
                          AKRT_MULADD_SPLIT("r4", "r10") AKRT_MULADD_SPLIT("r5", "r11"),
                      AKRT_MULADD_THREE("r3", "r4", "r5"), AKRT_MULADD_THREE("r9", "r10", "r11"),
                      "ldmdb r0, {r4, r5, r6}\n\t" AKRT_MULADD_THREE("r4", "r5", "r6"),
                      "r3, r4, r9");
}
#undef AKRT_MULADD_SPLIT
#undef AKRT_MULADD_FILTER
#undef AKRT_MULADD_LEVEL
#undef AKRT_MULADD_NEXT
#undef AKRT_MULADD_THREE
#undef AKRT_MULADD_FIVE
#undef AKRT_MULADD_WORDS
#endif
#endif
