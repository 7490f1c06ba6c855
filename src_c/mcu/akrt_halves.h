#ifndef AKRT_HALVES_H
#define AKRT_HALVES_H
#include "akrt_runs.h"
/* Products of values and weights of two filters, which lie 16 bits apart in a word: one
 * multiplication is two products. A word of weights (nibbles from the lowest) has four inputs of
 * the first filter, then of the second. */
#define AKRT_HALVES_MASK 0x000f000fu

/* Cores with eight low registers: sums live in the high ones, which can add but not multiply. */
#if defined(__thumb__) && !defined(__thumb2__) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
#define AKRT_HIGH_SUMS 1
#else
#define AKRT_HIGH_SUMS 0
#endif

/* Pairs of filters that share the loads of values: as many as there are registers for. */
#if defined(__arm__)
#define AKRT_HALVES_PAIRS 1
#else
#define AKRT_HALVES_PAIRS 2
#endif

/* Length of the next run of `left` positions: kernels take six, four or two. */
static inline int32_t akrt_halves_run(int32_t left) {
    if (left == 7 || left == 8) {
        return 4;
    }
    return left < AKRT_RUN ? left : AKRT_RUN;
}

/* A value at position `p` times the weights of a filter of either pair. */
#define AKRT_HALVES_ADD(p, value)                                                                  \
    do {                                                                                           \
        const uint32_t x = (uint32_t)(value);                                                      \
        s##p += x * u;                                                                             \
        if (AKRT_HALVES_PAIRS > 1) {                                                               \
            t##p += x * v;                                                                         \
        }                                                                                          \
    } while (0)
/* The next of four inputs at `positions` positions. */
#define AKRT_HALVES_INPUT(from)                                                                    \
    do {                                                                                           \
        const uint32_t u = first & AKRT_HALVES_MASK, v = second & AKRT_HALVES_MASK;                \
        AKRT_HALVES_ADD(0, (from)[0]);                                                             \
        AKRT_HALVES_ADD(1, (from)[1]);                                                             \
        if (positions > 2) {                                                                       \
            AKRT_HALVES_ADD(2, (from)[2]);                                                         \
        }                                                                                          \
        if (positions > 3) {                                                                       \
            AKRT_HALVES_ADD(3, (from)[3]);                                                         \
        }                                                                                          \
        if (positions > 4) {                                                                       \
            AKRT_HALVES_ADD(4, (from)[4]);                                                         \
            AKRT_HALVES_ADD(5, (from)[5]);                                                         \
        }                                                                                          \
        first >>= 4;                                                                               \
        second >>= 4;                                                                              \
        (void)v;                                                                                   \
    } while (0)
#define AKRT_HALVES_PUT(sums)                                                                      \
    do {                                                                                           \
        (sums)[0] = s0;                                                                            \
        (sums)[1] = s1;                                                                            \
        (sums)[2] = s2;                                                                            \
        (sums)[3] = s3;                                                                            \
        (sums)[4] = s4;                                                                            \
        (sums)[5] = s5;                                                                            \
        if (AKRT_HALVES_PAIRS > 1) {                                                               \
            (sums)[6] = t0;                                                                        \
            (sums)[7] = t1;                                                                        \
            (sums)[8] = t2;                                                                        \
            (sums)[9] = t3;                                                                        \
            (sums)[10] = t4;                                                                       \
            (sums)[11] = t5;                                                                       \
        }                                                                                          \
    } while (0)
#endif
