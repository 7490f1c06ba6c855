#ifndef AKRT_PWCONV_PAIRS_H
#define AKRT_PWCONV_PAIRS_H
#include "akrt_rows.h"
#if defined(__thumb__)
#include "akrt_pwconv_quads.h"
#endif
#if !AKRT_DSP && !AKRT_MVE
/* akrt_pwconv_quads for all groups of `group` quads of two pairs of filters, whose weights are
 * `step` words long: sums (2, AKRT_GROUPS, 5). */
#if defined(__thumb__)
static void akrt_pwconv_pairs(const uint32_t *mid, const uint32_t *weights, int32_t step,
                              int32_t group, const uint32_t *start, uint32_t *sums) {
    for (int32_t left = step; left > 0; left -= group) {
        const int32_t quads = left < group ? left : group;
        akrt_pwconv_quads(mid, weights, quads, start, sums);
        akrt_pwconv_quads(mid, weights + step, quads, start, sums + AKRT_GROUPS * AKRT_ROW_WIDTH);
        mid += 4 * AKRT_ROW_WIDTH * quads;
        weights += quads;
        start += AKRT_ROW_WIDTH;
        sums += AKRT_ROW_WIDTH;
    }
}
#else
/* Where there are registers enough a value is loaded once for both pairs. */
#define AKRT_POSITION(k, y)                                                                        \
    do {                                                                                           \
        const uint32_t m = mid[5 * (k) + (y)];                                                     \
        s##y += m * u;                                                                             \
        t##y += m * v;                                                                             \
    } while (0)
#define AKRT_CHANNEL(k, shift)                                                                     \
    do {                                                                                           \
        const uint32_t u = first >> (shift)&0x000f000fu, v = second >> (shift)&0x000f000fu;        \
        AKRT_POSITION(k, 0);                                                                       \
        AKRT_POSITION(k, 1);                                                                       \
        AKRT_POSITION(k, 2);                                                                       \
        AKRT_POSITION(k, 3);                                                                       \
        AKRT_POSITION(k, 4);                                                                       \
    } while (0)
AKRT_IN_ORDER static void akrt_pwconv_pairs(const uint32_t *mid, const uint32_t *weights,
                                            int32_t step, int32_t group, const uint32_t *start,
                                            uint32_t *sums) {
    for (const uint32_t *const all = weights + step; weights < all;) {
        const uint32_t *const end = all - weights < group ? all : weights + group;
        uint32_t s0 = start[0], s1 = start[1], s2 = start[2], s3 = start[3], s4 = start[4];
        uint32_t t0 = s0, t1 = s1, t2 = s2, t3 = s3, t4 = s4;
        do {
            const uint32_t first = weights[0], second = weights[step];
            AKRT_CHANNEL(0, 0);
            AKRT_CHANNEL(1, 4);
            AKRT_CHANNEL(2, 8);
            AKRT_CHANNEL(3, 12);
            mid += 4 * AKRT_ROW_WIDTH;
            weights++;
        } while (weights < end);
        sums[0] = s0;
        sums[1] = s1;
        sums[2] = s2;
        sums[3] = s3;
        sums[4] = s4;
        sums[AKRT_GROUPS * AKRT_ROW_WIDTH] = t0;
        sums[AKRT_GROUPS * AKRT_ROW_WIDTH + 1] = t1;
        sums[AKRT_GROUPS * AKRT_ROW_WIDTH + 2] = t2;
        sums[AKRT_GROUPS * AKRT_ROW_WIDTH + 3] = t3;
        sums[AKRT_GROUPS * AKRT_ROW_WIDTH + 4] = t4;
        sums += AKRT_ROW_WIDTH;
        start += AKRT_ROW_WIDTH;
    }
}
#undef AKRT_CHANNEL
#undef AKRT_POSITION
#endif
#endif
#endif
