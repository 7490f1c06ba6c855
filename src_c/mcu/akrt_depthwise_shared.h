#ifndef AKRT_DEPTHWISE_SHARED_H
#define AKRT_DEPTHWISE_SHARED_H
#include "akrt_mcu_layer.h"
#include "akrt_runs.h"
#if AKRT_LONG_MLA
/* Depthwise products of windows of five columns, stride 1, and of three, stride 2, without a loop
 * over columns: what two positions share is loaded once. Words and results are those of
 * akrt_depthwise_pairs. */
#define AKRT_SHARED_COLUMN(k) const uint32_t x##k = line[2 * (k)] >> bits & mask;
#define AKRT_SHARED_TAP(k, a, b, c)                                                                \
    do {                                                                                           \
        const uint32_t weight = (uint32_t)(int32_t)weights[k];                                     \
        s0 += x##a * weight;                                                                       \
        s1 += x##b * weight;                                                                       \
        s2 += x##c * weight;                                                                       \
    } while (0)
#define AKRT_SHARED_FIVE                                                                           \
    AKRT_SHARED_COLUMN(0)                                                                          \
    AKRT_SHARED_COLUMN(2)                                                                          \
    AKRT_SHARED_COLUMN(4)                                                                          \
    AKRT_SHARED_TAP(0, 0, 2, 4);                                                                   \
    AKRT_SHARED_COLUMN(1)                                                                          \
    AKRT_SHARED_COLUMN(3)                                                                          \
    AKRT_SHARED_COLUMN(5)                                                                          \
    AKRT_SHARED_TAP(1, 1, 3, 5);                                                                   \
    AKRT_SHARED_COLUMN(6)                                                                          \
    AKRT_SHARED_TAP(2, 2, 4, 6);                                                                   \
    AKRT_SHARED_COLUMN(7)                                                                          \
    AKRT_SHARED_TAP(3, 3, 5, 7);                                                                   \
    AKRT_SHARED_COLUMN(8)                                                                          \
    AKRT_SHARED_TAP(4, 4, 6, 8);
#define AKRT_SHARED_THREE                                                                          \
    AKRT_SHARED_COLUMN(0)                                                                          \
    AKRT_SHARED_COLUMN(4)                                                                          \
    AKRT_SHARED_COLUMN(8)                                                                          \
    AKRT_SHARED_TAP(0, 0, 4, 8);                                                                   \
    AKRT_SHARED_COLUMN(1)                                                                          \
    AKRT_SHARED_COLUMN(5)                                                                          \
    AKRT_SHARED_COLUMN(9)                                                                          \
    AKRT_SHARED_TAP(1, 1, 5, 9);                                                                   \
    AKRT_SHARED_COLUMN(2)                                                                          \
    AKRT_SHARED_COLUMN(6)                                                                          \
    AKRT_SHARED_COLUMN(10)                                                                         \
    AKRT_SHARED_TAP(2, 2, 6, 10);

/* So that a shift and a mask are one instruction. */
#if defined(__GNUC__)
#define AKRT_SHARED_HIDE(mask) __asm__("" : "+r"(mask))
#else
#define AKRT_SHARED_HIDE(mask) ((void)0)
#endif

/* One channel: `row` for every line, `columns` of them, of `size_y` taps. */
#define AKRT_SHARED_CHANNEL(shift, row, columns, size_y, to)                                       \
    do {                                                                                           \
        const uint32_t *line = words;                                                              \
        const int8_t *const stop = weights + taps;                                                 \
        uint32_t s0 = 0x8000u, s1 = 0x8000u, s2 = 0x8000u;                                         \
        enum { bits = shift };                                                                     \
        do {                                                                                       \
            row weights += size_y;                                                                 \
            line += 2 * (columns);                                                                 \
        } while (weights != stop);                                                                 \
        (to)[0] = s0;                                                                              \
        (to)[1] = s1;                                                                              \
        (to)[2] = s2;                                                                              \
    } while (0)
#define AKRT_SHARED_CHANNELS(row, columns, size_y)                                                 \
    const uint32_t *const end = to + 4 * AKRT_RUN;                                                 \
    uint32_t mask = 0x000f000fu;                                                                   \
    AKRT_SHARED_HIDE(mask);                                                                        \
    do {                                                                                           \
        AKRT_SHARED_CHANNEL(0, row, columns, size_y, to);                                          \
        AKRT_SHARED_CHANNEL(4, row, columns, size_y, to + 3);                                      \
        AKRT_SHARED_CHANNEL(8, row, columns, size_y, to + 6);                                      \
        AKRT_SHARED_CHANNEL(12, row, columns, size_y, to + 9);                                     \
        words++;                                                                                   \
        to += 2 * AKRT_RUN;                                                                        \
    } while (to != end)

/* taps: of a window, (size_x, 5). */
AKRT_IN_ORDER static void akrt_depthwise_five(const uint32_t *words, const int8_t *weights,
                                              int32_t taps, uint32_t *to) {
    AKRT_SHARED_CHANNELS(AKRT_SHARED_FIVE, 9, 5);
}

/* taps: of a window, (size_x, 3); stride 2. */
AKRT_IN_ORDER static void akrt_depthwise_three(const uint32_t *words, const int8_t *weights,
                                               int32_t taps, uint32_t *to) {
    AKRT_SHARED_CHANNELS(AKRT_SHARED_THREE, 11, 3);
}
#undef AKRT_SHARED_COLUMN
#undef AKRT_SHARED_TAP
#undef AKRT_SHARED_FIVE
#undef AKRT_SHARED_THREE
#undef AKRT_SHARED_HIDE
#undef AKRT_SHARED_CHANNEL
#undef AKRT_SHARED_CHANNELS
#endif
#endif
