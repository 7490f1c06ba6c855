#ifndef AKRT_BYTES_PRODUCTS_HALVES_H
#define AKRT_BYTES_PRODUCTS_HALVES_H
#include "akrt_high_sums.h"
/* Products of bytes and weights of 8 bits, those of three positions in two multiplications: words
 * of inputs are x0 + x1 * 2^11 and x1 + x2 * 2^11. Sums S over at most AKRT_BYTES_MOST inputs are
 * below 2^20 - 2^9 (28 * 255 * 128): the low bits of S1 + S2 * 2^11 give those of S1, which leave
 * floor(S0 / 2^11) modulo 2^11 of S0 + S1 * 2^11. */
#define AKRT_BYTES_MOST 28
#define AKRT_BYTES_FILTERS 8 /* at once */
#define AKRT_BYTES_SUMS 4    /* of a filter: two words for three positions, or the fourth alone */

/* Words of an input at a run of `count` positions: 6, 5, 4, or at most 3. */
#define AKRT_BYTES_ROW(count) ((count) > 4 ? 4 : (count) == 4 ? 3 : 2)

static inline void akrt_bytes_pack(const uint32_t *x, int32_t count, uint32_t *to) {
    to[0] = x[0] | x[1] << 11;
    to[1] = x[1] | x[2] << 11;
    if (count > 4) {
        to[2] = x[3] | x[4] << 11;
        to[3] = x[4] | x[5] << 11;
    } else if (count == 4) {
        to[2] = x[3];
    }
}

/* Potentials at three positions, from two sums: set, or added to. */
static inline void akrt_bytes_split(const uint32_t *sums, int32_t filters, int set, int32_t *to) {
    const uint32_t upper = (uint32_t)((int32_t)sums[0] >> 11);
    const uint32_t s1 = upper - (uint32_t)((int32_t)((upper - sums[1]) << 21) >> 21);
    const int32_t first = (int32_t)(sums[0] - (s1 << 11)), second = (int32_t)s1;
    const int32_t third = (int32_t)(sums[1] - s1) >> 11;
    to[0] = first + (set ? 0 : to[0]);
    to[filters] = second + (set ? 0 : to[filters]);
    to[2 * filters] = third + (set ? 0 : to[2 * filters]);
}

/* Potentials of `some` filters at a run: of three positions or six, if there are fewer than six and
 * not four. */
AKRT_IN_ORDER static void akrt_bytes_put(const uint32_t *sums, int32_t some, int32_t count,
                                         int32_t filters, int set, int32_t *to) {
    for (const int32_t *const end = to + some; to != end; to++) {
        akrt_bytes_split(sums, filters, set, to);
        if (count > 4) {
            akrt_bytes_split(sums + 2, filters, set, to + 3 * filters);
        } else if (count == 4) {
            to[3 * filters] = (int32_t)sums[2] + (set ? 0 : to[3 * filters]);
        }
        sums += AKRT_BYTES_SUMS;
    }
}

/* Sums of up to AKRT_BYTES_FILTERS filters, whose weights are `step` apart, over `used` of them:
 * (filters, AKRT_BYTES_SUMS). */
#if AKRT_HIGH_SUMS
#define AKRT_BYTES_WEIGHT "ldrsb r3, [r1, r2]\n\tadds r2, #1\n\t"
#define AKRT_BYTES_FIRST_TWO                                                                       \
    "muls r4, r3\n\t"                                                                              \
    "add r8, r4\n\t"                                                                               \
    "muls r5, r3\n\t"                                                                              \
    "add r9, r5\n\t"
#define AKRT_BYTES_TWO AKRT_BYTES_WEIGHT "ldmia r0!, {r4, r5}\n\t" AKRT_BYTES_FIRST_TWO
#define AKRT_BYTES_THREE                                                                           \
    AKRT_BYTES_WEIGHT                                                                              \
    "ldmia r0!, {r4, r5, r6}\n\t" AKRT_BYTES_FIRST_TWO "muls r6, r3\n\t"                           \
    "add r10, r6\n\t"
#define AKRT_BYTES_FOUR                                                                            \
    AKRT_BYTES_THREE                                                                               \
    "ldmia r0!, {r4}\n\t"                                                                          \
    "muls r4, r3\n\t"                                                                              \
    "add r11, r4\n\t"
#define AKRT_BYTES_PRODUCTS(name, input)                                                           \
    __attribute__((noinline)) static void name(const uint32_t *patch, const int8_t *weights,       \
                                               int32_t step, int32_t used, int32_t filters,        \
                                               uint32_t *sums) {                                   \
        register const uint32_t *a __asm__("r0") = patch;                                          \
        register const int8_t *w __asm__("r1") = weights;                                          \
        register int32_t n __asm__("r2") = used;                                                   \
        register int32_t next __asm__("r3") = step;                                                \
        register uint32_t *to __asm__("r4") = sums;                                                \
        register int32_t left __asm__("r5") = filters;                                             \
        __asm__ volatile(".syntax unified\n\t"                                                     \
                         "push {r0, r3, r4, r5, r7}\n\t"                                           \
                         "mov lr, r2\n\t"                                                          \
                         "movs r7, #3\n\t"                                                         \
                         "bics r2, r7\n\t"                                                         \
                         "mov r12, r2\n\t"                                                         \
                         "1:\n\t"                                                                  \
                         "ldr r0, [sp]\n\t"                                                        \
                         "movs r2, #0\n\t"                                                         \
                         "mov r8, r2\n\t"                                                          \
                         "mov r9, r2\n\t"                                                          \
                         "mov r10, r2\n\t"                                                         \
                         "mov r11, r2\n\t"                                                         \
                         "cmp r2, r12\n\t"                                                         \
                         "beq 4f\n\t"                                                              \
                         "2:\n\t" input input input input "cmp r2, r12\n\t"                        \
                         "bne 2b\n\t"                                                              \
                         "b 4f\n\t"                                                                \
                         "3:\n\t" input "4:\n\t"                                                   \
                         "cmp r2, lr\n\t"                                                          \
                         "bne 3b\n\t"                                                              \
                         "ldr r7, [sp, #8]\n\t"                                                    \
                         "mov r3, r8\n\t"                                                          \
                         "mov r4, r9\n\t"                                                          \
                         "mov r5, r10\n\t"                                                         \
                         "mov r6, r11\n\t"                                                         \
                         "stmia r7!, {r3, r4, r5, r6}\n\t"                                         \
                         "str r7, [sp, #8]\n\t"                                                    \
                         "ldr r3, [sp, #4]\n\t"                                                    \
                         "adds r1, r3\n\t"                                                         \
                         "ldr r3, [sp, #12]\n\t"                                                   \
                         "subs r3, #1\n\t"                                                         \
                         "str r3, [sp, #12]\n\t"                                                   \
                         "bne 1b\n\t"                                                              \
                         "add sp, #16\n\t"                                                         \
                         "pop {r7}\n\t"                                                            \
                         : "+r"(a), "+r"(w), "+r"(n), "+r"(next), "+r"(to), "+r"(left)             \
                         :                                                                         \
                         : "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");           \
    }
AKRT_BYTES_PRODUCTS(akrt_bytes_six, AKRT_BYTES_FOUR)
AKRT_BYTES_PRODUCTS(akrt_bytes_four, AKRT_BYTES_THREE)
AKRT_BYTES_PRODUCTS(akrt_bytes_three, AKRT_BYTES_TWO)
#undef AKRT_BYTES_WEIGHT
#undef AKRT_BYTES_FIRST_TWO
#undef AKRT_BYTES_TWO
#undef AKRT_BYTES_THREE
#undef AKRT_BYTES_FOUR
#else
#define AKRT_BYTES_INPUT(k)                                                                        \
    do {                                                                                           \
        const uint32_t u = (uint32_t)(int32_t)weights[k];                                          \
        const uint32_t v = (uint32_t)(int32_t)weights[second + (k)];                               \
        AKRT_HALVES_ADD(0, a[0]);                                                                  \
        AKRT_HALVES_ADD(1, a[1]);                                                                  \
        if (words > 2) {                                                                           \
            AKRT_HALVES_ADD(2, a[2]);                                                              \
        }                                                                                          \
        if (words > 3) {                                                                           \
            AKRT_HALVES_ADD(3, a[3]);                                                              \
        }                                                                                          \
        a += words;                                                                                \
        (void)v;                                                                                   \
    } while (0)
/* The second of two filters may be none. */
#define AKRT_BYTES_PRODUCTS(name, many)                                                            \
    AKRT_IN_ORDER static void name(const uint32_t *patch, const int8_t *weights, int32_t step,     \
                                   int32_t used, int32_t filters, uint32_t *sums) {                \
        const int32_t words = many;                                                                \
        for (; filters > 0; filters -= AKRT_HALVES_PAIRS) {                                        \
            const int8_t *const end = weights + used, *const pairs = weights + (used & ~1);        \
            const int32_t second = filters > 1 ? step : 0;                                         \
            const uint32_t *a = patch;                                                             \
            uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0;               \
            while (weights != pairs) {                                                             \
                AKRT_BYTES_INPUT(0);                                                               \
                AKRT_BYTES_INPUT(1);                                                               \
                weights += 2;                                                                      \
            }                                                                                      \
            if (weights != end) {                                                                  \
                AKRT_BYTES_INPUT(0);                                                               \
            }                                                                                      \
            sums[0] = s0;                                                                          \
            sums[1] = s1;                                                                          \
            sums[2] = s2;                                                                          \
            sums[3] = s3;                                                                          \
            if (AKRT_HALVES_PAIRS > 1) {                                                           \
                sums[4] = t0;                                                                      \
                sums[5] = t1;                                                                      \
                sums[6] = t2;                                                                      \
                sums[7] = t3;                                                                      \
            }                                                                                      \
            weights += AKRT_HALVES_PAIRS * step - (used & ~1);                                     \
            sums += AKRT_HALVES_PAIRS * AKRT_BYTES_SUMS;                                           \
        }                                                                                          \
    }
AKRT_BYTES_PRODUCTS(akrt_bytes_six, 4)
AKRT_BYTES_PRODUCTS(akrt_bytes_four, 3)
AKRT_BYTES_PRODUCTS(akrt_bytes_three, 2)
#undef AKRT_BYTES_INPUT
#endif
#undef AKRT_BYTES_PRODUCTS
#endif
