#ifndef AKRT_PRODUCT_LONG_H
#define AKRT_PRODUCT_LONG_H
#include "akrt_product.h"
#if AKRT_LONG_MLA
/* A run of up to six positions times a pair of filters: a tap of the patch has three words, or two
 * for runs of up to four positions, which have two positions 14 bits apart in each. A field of a
 * sum starts at 8192 minus eight times the sum of its position's inputs: it ends at 8192 more than
 * the potential, which the exporter has proven to be within 14 bits. Fields may borrow from one
 * another on the way. */
#define AKRT_PRODUCT_ZERO 8192
/* What the products of a run need. */
typedef struct akrt_product_run {
    const uint32_t *patch;
    const uint64_t *start; /* by word of a tap */
    int32_t used, skip;    /* bytes of a pair's weights, and between those of two pairs */
    int32_t step;          /* bytes from the potentials of a position to those of the next */
    int32_t adds;          /* 0: potentials are not there yet */
} akrt_product_run;

/* Adds to the potentials of every position, `to` being the first one's, or stores the products of
 * `pairs` of filters, at least one, and quads of inputs, at least one. */
#if defined(__GNUC__)
/* Loads in multiples; a compiler spends an instruction on every one and runs out of registers. All
 * are taken: r7, which may be the frame's, is put back. Two quads at a time: enter where the rest
 * begins. */
#define AKRT_PRODUCT_QUAD(tap, next)                                                               \
    "ldr r3, [r1], #4\n\t"                                                                         \
    "and r8, r2, r3\n\t" tap "and r8, r2, r3, ror #8\n\t" next "and r8, r2, r3, ror #16\n\t" tap   \
    "and r8, r2, r3, ror #24\n\t" next
#define AKRT_PRODUCT_FIRST(low, high)                                                              \
    "ubfx r6, " low ", #0, #14\n\t"                                                                \
    "sub r6, r6, #8192\n\t"                                                                        \
    "lsr r8, " low ", #28\n\t"                                                                     \
    "bfi r8, " high ", #4, #10\n\t"                                                                \
    "sub r8, r8, #8192\n\t"
#define AKRT_PRODUCT_SECOND(low, high)                                                             \
    "ubfx r6, " low ", #14, #14\n\t"                                                               \
    "sub r6, r6, #8192\n\t"                                                                        \
    "ubfx r8, " high ", #10, #14\n\t"                                                              \
    "sub r8, r8, #8192\n\t"
#define AKRT_PRODUCT_ADD                                                                           \
    "ldrd r0, r4, [r3]\n\t"                                                                        \
    "add r6, r6, r0\n\t"                                                                           \
    "add r8, r8, r4\n\t"
#define AKRT_PRODUCT_STORE                                                                         \
    "strd r6, r8, [r3]\n\t"                                                                        \
    "add r3, r3, r5\n\t"
#define AKRT_PRODUCT_FIELDS(add, low, high)                                                        \
    AKRT_PRODUCT_FIRST(low, high)                                                                  \
    add AKRT_PRODUCT_STORE AKRT_PRODUCT_SECOND(low, high)                                          \
    add AKRT_PRODUCT_STORE
#define AKRT_PRODUCT_QUADS(sums, tap, next, fields)                                                \
    register const akrt_product_run *of __asm__("r0") = run;                                       \
    register const uint32_t *w __asm__("r1") = weights;                                            \
    register int32_t n __asm__("r2") = pairs;                                                      \
    register int32_t *out __asm__("r3") = to;                                                      \
    __asm__ volatile(                                                                              \
        "push {r0, r2, r3, r7}\n\t"                                                                \
        "push {r3}\n\t"                                                                            \
        "0:\n\t"                                                                                   \
        "ldr r2, [sp, #4]\n\t"                                                                     \
        "ldrd r0, r4, [r2]\n\t"                                                                    \
        "ldr r3, [r2, #8]\n\t"                                                                     \
        "ldmia r4, {" sums "}\n\t"                                                                 \
        "tst r3, #4\n\t"                                                                           \
        "add r3, r1, r3\n\t"                                                                       \
        "str r3, [sp]\n\t"                                                                         \
        "mov r2, #0xf0000000\n\t"                                                                  \
        "orr r2, r2, #15\n\t"                                                                      \
        "bne 2f\n\t"                                                                               \
        "1:\n\t" AKRT_PRODUCT_QUAD(tap, next) "2:\n\t" AKRT_PRODUCT_QUAD(                          \
            tap,                                                                                   \
            next) "ldr r3, [sp]\n\t"                                                               \
                  "cmp r1, r3\n\t"                                                                 \
                  "bne 1b\n\t"                                                                     \
                  "ldr r2, [sp, #4]\n\t"                                                           \
                  "ldr r3, [sp, #12]\n\t"                                                          \
                  "ldrd r4, r5, [r2, #12]\n\t"                                                     \
                  "add r1, r1, r4\n\t"                                                             \
                  "add r4, r3, #8\n\t"                                                             \
                  "str r4, [sp, #12]\n\t"                                                          \
                  "ldr r4, [r2, #20]\n\t"                                                          \
                  "cmp r4, #0\n\t"                                                                 \
                  "beq 3f\n\t" fields(AKRT_PRODUCT_ADD) "b 4f\n\t"                                 \
                                                        "3:\n\t" fields("") "4:\n\t"               \
                                                                            "ldr r3, [sp, #8]\n\t" \
                                                                            "subs r3, r3, #1\n\t"  \
                                                                            "str r3, [sp, #8]\n\t" \
                                                                            "bne 0b\n\t"           \
                                                                            "add sp, sp, #16\n\t"  \
                                                                            "pop {r7}\n\t"         \
        : "+r"(of), "+r"(w), "+r"(n), "+r"(out)                                                    \
        :                                                                                          \
        : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")

#define AKRT_PRODUCT_TWO_FIELDS(add) AKRT_PRODUCT_FIELDS(add, "r7", "r9")
#define AKRT_PRODUCT_FOUR_FIELDS(add)                                                              \
    AKRT_PRODUCT_TWO_FIELDS(add) AKRT_PRODUCT_FIELDS(add, "r10", "r11")
#define AKRT_PRODUCT_SIX_FIELDS(add)                                                               \
    AKRT_PRODUCT_FOUR_FIELDS(add) AKRT_PRODUCT_FIELDS(add, "r12", "lr")
#define AKRT_PRODUCT_SIX                                                                           \
    "ldmia r0!, {r4, r5, r6}\n\t"                                                                  \
    "umlal r7, r9, r4, r8\n\t"                                                                     \
    "umlal r10, r11, r5, r8\n\t"                                                                   \
    "umlal r12, lr, r6, r8\n\t"
__attribute__((noinline)) static void
akrt_product_six(const akrt_product_run *run, const uint32_t *weights, int32_t pairs, int32_t *to) {
    AKRT_PRODUCT_QUADS("r7, r9, r10, r11, r12, lr", AKRT_PRODUCT_SIX, AKRT_PRODUCT_SIX,
                       AKRT_PRODUCT_SIX_FIELDS);
}

__attribute__((noinline)) static void akrt_product_four(const akrt_product_run *run,
                                                        const uint32_t *weights, int32_t pairs,
                                                        int32_t *to) {
    AKRT_PRODUCT_QUADS("r7, r9, r10, r11",
                       "ldmia r0!, {r4, r5, r6, r12}\n\t"
                       "umlal r7, r9, r4, r8\n\t"
                       "umlal r10, r11, r5, r8\n\t",
                       "umlal r7, r9, r6, r8\n\t"
                       "umlal r10, r11, r12, r8\n\t",
                       AKRT_PRODUCT_FOUR_FIELDS);
}

__attribute__((noinline)) static void
akrt_product_two(const akrt_product_run *run, const uint32_t *weights, int32_t pairs, int32_t *to) {
    AKRT_PRODUCT_QUADS("r7, r9",
                       "ldmia r0!, {r4, r5, r6, r12}\n\t"
                       "umlal r7, r9, r4, r8\n\t",
                       "umlal r7, r9, r6, r8\n\t", AKRT_PRODUCT_TWO_FIELDS);
}
#undef AKRT_PRODUCT_SIX
#undef AKRT_PRODUCT_TWO_FIELDS
#undef AKRT_PRODUCT_FOUR_FIELDS
#undef AKRT_PRODUCT_SIX_FIELDS
#undef AKRT_PRODUCT_FIRST
#undef AKRT_PRODUCT_SECOND
#undef AKRT_PRODUCT_ADD
#undef AKRT_PRODUCT_STORE
#undef AKRT_PRODUCT_QUAD
#undef AKRT_PRODUCT_FIELDS
#undef AKRT_PRODUCT_QUADS
#else
static void akrt_product_words(const akrt_product_run *run, const uint32_t *weights, int32_t pairs,
                               int32_t *to, int32_t words, int32_t apart) {
    for (; pairs > 0; pairs--) {
        int32_t *at = to;
        for (int32_t p = 0; p < words; p++) {
            const uint32_t *a = run->patch + p;
            uint64_t sum = run->start[p];
            for (int32_t k = 0; k < run->used; k++) {
                sum +=
                    (uint64_t)*a * (akrt_rotated(weights[k >> 2], 8 * (k & 3)) & AKRT_PRODUCT_MASK);
                a += apart;
            }
            for (int32_t i = 0; i < 2; i++) {
                const int32_t first = (int32_t)(sum & 0x3fffu) - AKRT_PRODUCT_ZERO;
                const int32_t second = (int32_t)(sum >> 28 & 0x3fffu) - AKRT_PRODUCT_ZERO;
                at[0] = run->adds != 0 ? at[0] + first : first;
                at[1] = run->adds != 0 ? at[1] + second : second;
                at += run->step / (int32_t)sizeof *at;
                sum >>= 14;
            }
        }
        weights += (run->used + run->skip) >> 2;
        to += 2;
    }
}
#define akrt_product_six(run, weights, pairs, to) akrt_product_words(run, weights, pairs, to, 3, 3)
#define akrt_product_four(run, weights, pairs, to) akrt_product_words(run, weights, pairs, to, 2, 2)
#define akrt_product_two(run, weights, pairs, to) akrt_product_words(run, weights, pairs, to, 1, 2)
#endif

/* Where the sums of two positions start whose inputs add up to the fields of `sum`. */
static inline uint64_t akrt_product_start(uint32_t sum) {
    const uint32_t first = (uint32_t)AKRT_PRODUCT_ZERO - 8 * (sum & 0x3fffu);
    const uint32_t second = (uint32_t)AKRT_PRODUCT_ZERO - 8 * (sum >> 14);
    const uint64_t both = (uint64_t)((int64_t)(int32_t)second * 16384 + (int32_t)first);
    return both + (both << 28);
}

/* Taps of `octets` times eight channels, `apart` words each, at positions of which words of
 * channels lie `step` apart; adds them to their sums. */
static inline void akrt_patch_taps(const uint32_t *from, int32_t step, int32_t octets,
                                   int32_t pairs, int32_t apart, uint32_t *to, uint32_t *sums) {
    const uint32_t mask = 0x0003c00fu;
#define AKRT_PATCH_TAP(c, bits)                                                                    \
    tap = both >> (bits)&mask;                                                                     \
    sum += tap;                                                                                    \
    to[apart * (c)] = tap;
    do {
        const uint32_t *const end = to + pairs, *at = from++;
        uint32_t *sum_of = sums;
        do {
            const uint32_t a = at[0], b = at[step];
            uint32_t both = (a & 0xfffu) | (b & 0xfffu) << 14, sum = *sum_of, tap;
            AKRT_PATCH_TAP(0, 0)
            AKRT_PATCH_TAP(1, 4)
            AKRT_PATCH_TAP(2, 8)
            both = (a >> 12 & 0xfffu) | (b >> 12 & 0xfffu) << 14;
            AKRT_PATCH_TAP(3, 0)
            AKRT_PATCH_TAP(4, 4)
            AKRT_PATCH_TAP(5, 8)
            both = a >> 24 | b >> 24 << 14;
            AKRT_PATCH_TAP(6, 0)
            AKRT_PATCH_TAP(7, 4)
            *sum_of++ = sum;
            at += 2 * step;
            to++;
        } while (to != end);
        to += 8 * apart - pairs;
    } while (--octets > 0);
#undef AKRT_PATCH_TAP
}

AKRT_IN_ORDER static void akrt_patch_octets(const uint32_t *from, int32_t step, int32_t octets,
                                            int32_t pairs, uint32_t *to, uint32_t *sums) {
    if (pairs == 3) {
        akrt_patch_taps(from, step, octets, pairs, 3, to, sums);
    } else {
        akrt_patch_taps(from, step, octets, pairs, 2, to, sums);
    }
}
#endif
#endif
