#ifndef AKRT_POINTWISE_HALVES_H
#define AKRT_POINTWISE_HALVES_H
#include "akrt_depthwise_halves.h"
#include "akrt_emit.h"
#include "akrt_high_sums.h"
/* Pointwise products of depthwise results. Weights are words: four channels of one filter, then of
 * the next. Two filters share a multiplication over groups of channels, in which both sums fit 16
 * bits: starting from -8 times the sum of depthwise results the word is sum0 + sum1 * 2^16. Behind
 * the depthwise weights lies what the exporter has proven: how many quads of channels a group has,
 * 0 where not even four do, whether some filters have groups half as large, and a bit for each four
 * filters, which says whether they do. Where there are no groups filters are multiplied apart. */

/* Sums of a run over quads of channels, from `start`, for a pair of filters or two pairs whose
 * weights are `step` words apart: (pairs, AKRT_RUN). */
#if AKRT_HIGH_SUMS
#define AKRT_POINTWISE(name, input)                                                                \
    __attribute__((noinline)) static void name(const akrt_mid *mid, const uint32_t *weights,       \
                                               int32_t step, int32_t quads, const uint32_t *start, \
                                               uint32_t *sums) {                                   \
        register const akrt_mid *a __asm__("r0") = mid;                                            \
        register const uint32_t *w __asm__("r1") = weights;                                        \
        register int32_t n __asm__("r2") = quads;                                                  \
        register const uint32_t *from __asm__("r3") = start;                                       \
        register uint32_t *to __asm__("r4") = sums;                                                \
        (void)step;                                                                                \
        __asm__ volatile(".syntax unified\n\t"                                                     \
                         "push {r4, r7}\n\t"                                                       \
                         "lsls r2, #2\n\t"                                                         \
                         "adds r2, r1\n\t"                                                         \
                         "push {r2}\n\t"                                                           \
                         "ldmia r3!, {r4, r5, r6, r7}\n\t"                                         \
                         "mov r8, r4\n\t"                                                          \
                         "mov r9, r5\n\t"                                                          \
                         "mov r10, r6\n\t"                                                         \
                         "mov r11, r7\n\t"                                                         \
                         "ldmia r3!, {r4, r5}\n\t"                                                 \
                         "mov r12, r4\n\t"                                                         \
                         "mov lr, r5\n\t"                                                          \
                         "movs r7, #15\n\t"                                                        \
                         "lsls r4, r7, #16\n\t"                                                    \
                         "orrs r7, r4\n\t"                                                         \
                         "1:\n\t"                                                                  \
                         "ldmia r1!, {r2}\n\t"                                                     \
                         "movs r3, r2\n\t" input "lsrs r3, r2, #4\n\t" input                       \
                         "lsrs r3, r2, #8\n\t" input "lsrs r3, r2, #12\n\t" input                  \
                         "ldr r4, [sp]\n\t"                                                        \
                         "cmp r1, r4\n\t"                                                          \
                         "bne 1b\n\t"                                                              \
                         "pop {r3}\n\t"                                                            \
                         "pop {r4, r7}\n\t" AKRT_HIGH_PUT                                          \
                         : "+r"(a), "+r"(w), "+r"(n), "+r"(from), "+r"(to)                         \
                         :                                                                         \
                         : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");     \
    }
AKRT_POINTWISE(akrt_pointwise_six, "ands r3, r7\n\t" AKRT_HIGH_SIX)
AKRT_POINTWISE(akrt_pointwise_four, "ands r3, r7\n\t" AKRT_HIGH_FOUR)
AKRT_POINTWISE(akrt_pointwise_three, "ands r3, r7\n\t" AKRT_HIGH_FIRST_THREE "adds r0, #4\n\t")
#else
#define AKRT_POINTWISE(name, many)                                                                 \
    AKRT_IN_ORDER static void name(const akrt_mid *a, const uint32_t *weights, int32_t step,       \
                                   int32_t quads, const uint32_t *start, uint32_t *sums) {         \
        const uint32_t *const end = weights + quads;                                               \
        const int32_t positions = many, next = positions > 4 ? 6 : 4;                              \
        uint32_t s0 = start[0], s1 = start[1], s2 = start[2], s3 = start[3], s4 = start[4];        \
        uint32_t s5 = start[5], t0 = s0, t1 = s1, t2 = s2, t3 = s3, t4 = s4, t5 = s5;              \
        do {                                                                                       \
            uint32_t first = weights[0], second = weights[step];                                   \
            AKRT_HALVES_INPUT(a);                                                                  \
            AKRT_HALVES_INPUT(a + next);                                                           \
            AKRT_HALVES_INPUT(a + 2 * next);                                                       \
            AKRT_HALVES_INPUT(a + 3 * next);                                                       \
            a += 4 * next;                                                                         \
            weights++;                                                                             \
        } while (weights != end);                                                                  \
        AKRT_HALVES_PUT(sums);                                                                     \
    }
AKRT_POINTWISE(akrt_pointwise_six, 6)
AKRT_POINTWISE(akrt_pointwise_four, 4)
AKRT_POINTWISE(akrt_pointwise_three, 3)
#endif
#undef AKRT_POINTWISE

/* Where a run starts: -8 times the sums of `channels` depthwise results, for either filter. */
static void akrt_pointwise_start(const akrt_mid *a, int32_t channels, int32_t positions,
                                 uint32_t *start) {
    const akrt_mid *const end = a + positions * channels;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0;
    do {
        s0 += a[0];
        s1 += a[1];
        s2 += a[2];
        s3 += a[3];
        if (positions > 4) {
            s4 += a[4];
            s5 += a[5];
        }
        a += positions;
    } while (a != end);
    start[0] = (uint32_t)s0 * (0u - 8u * 65537u);
    start[1] = (uint32_t)s1 * (0u - 8u * 65537u);
    start[2] = (uint32_t)s2 * (0u - 8u * 65537u);
    start[3] = (uint32_t)s3 * (0u - 8u * 65537u);
    start[4] = (uint32_t)s4 * (0u - 8u * 65537u);
    start[5] = (uint32_t)s5 * (0u - 8u * 65537u);
}

#define AKRT_PUT_BOTH(p, at, how)                                                                  \
    do {                                                                                           \
        to[at] how(int16_t)(sums[p] & 0xffffu);                                                    \
        to[(at) + 1] how(int32_t)(sums[p] + 0x8000u) >> 16;                                        \
    } while (0)
#define AKRT_PUT_RUN(how)                                                                          \
    do {                                                                                           \
        AKRT_PUT_BOTH(0, 0, how);                                                                  \
        AKRT_PUT_BOTH(1, 8, how);                                                                  \
        AKRT_PUT_BOTH(2, 16, how);                                                                 \
        AKRT_PUT_BOTH(3, 24, how);                                                                 \
        if (count > 4) {                                                                           \
            to += 32;                                                                              \
            AKRT_PUT_BOTH(4, 0, how);                                                              \
            AKRT_PUT_BOTH(5, 8, how);                                                              \
        }                                                                                          \
    } while (0)
/* Potentials of a pair of filters at a run, eight filters to a position. */
static inline void akrt_pointwise_put(const uint32_t *sums, int32_t count, int32_t *to) {
    AKRT_PUT_RUN(=);
}

/* The same, added. */
static inline void akrt_pointwise_more(const uint32_t *sums, int32_t count, int32_t *to) {
    AKRT_PUT_RUN(+=);
}
#undef AKRT_PUT_RUN
#undef AKRT_PUT_BOTH

/* AKRT_HALVES_PAIRS pairs of filters, `pairs` of which there are. */
static void akrt_pointwise_pairs(const akrt_mid *mid, const uint32_t *weights, int32_t channels,
                                 int32_t group, const uint32_t *start, int32_t pairs, int32_t count,
                                 int32_t *to) {
    const int32_t step = pairs > 1 ? channels >> 2 : 0;
    for (int32_t c = 0; c < channels; c += group) {
        const int32_t quads = (channels - c < group ? channels - c : group) >> 2;
        uint32_t sums[AKRT_HALVES_PAIRS * AKRT_RUN];
        if (count > 4) {
            akrt_pointwise_six(mid, weights, step, quads, start, sums);
        } else if (count == 4) {
            akrt_pointwise_four(mid, weights, step, quads, start, sums);
        } else {
            akrt_pointwise_three(mid, weights, step, quads, start, sums);
        }
        if (c > 0) {
            akrt_pointwise_more(sums, count, to);
            if (AKRT_HALVES_PAIRS > 1 && pairs > 1) {
                akrt_pointwise_more(sums + (AKRT_HALVES_PAIRS - 1) * AKRT_RUN, count, to + 2);
            }
        } else {
            akrt_pointwise_put(sums, count, to);
            if (AKRT_HALVES_PAIRS > 1 && pairs > 1) {
                akrt_pointwise_put(sums + (AKRT_HALVES_PAIRS - 1) * AKRT_RUN, count, to + 2);
            }
        }
        mid += AKRT_MID_POSITIONS(count) * group;
        weights += group >> 2;
        start += AKRT_RUN;
    }
}

/* Where a run starts, by groups of channels and, if some of them are halved, by halves of groups.
 */
static void akrt_pointwise_starts(const akrt_mid *mid, int32_t channels, int32_t group, int halved,
                                  int32_t positions, uint32_t *starts) {
    const int32_t size = halved ? group / 2 : group;
    uint32_t *half = starts + (halved ? AKRT_RUN * ((channels + group - 1) / group) : 0);
    for (int32_t c = 0; c < channels; c += size) {
        const int32_t some = channels - c < size ? channels - c : size;
        akrt_pointwise_start(mid + positions * c, some, positions, half);
        if (halved) {
            const int second = c % group != 0;
            for (int32_t p = 0; p < AKRT_RUN; p++) {
                starts[p] = half[p] + (second ? starts[p] : 0);
            }
            starts += second ? AKRT_RUN : 0;
        }
        half += AKRT_RUN;
    }
}

static void akrt_pointwise_run(const akrt_mcu_layer *layer, const akrt_mid *mid, int32_t y,
                               int32_t count, int32_t *scratch, void *target) {
    const int32_t channels = AKRT_LINE_WORDS(layer->conv.channels) * 8, quads = channels >> 2;
    const uint8_t *const told =
        (const uint8_t *)layer->depthwise + channels * layer->conv.size_x * layer->conv.size_y;
    const int32_t group = 4 * told[0], positions = AKRT_MID_POSITIONS(count);
    const uint32_t *weights = (const uint32_t *)layer->weights;
    uint32_t *const starts = (uint32_t *)scratch + 8 * AKRT_RUN;
    int32_t done = 0;
    if (group > 0) {
        akrt_pointwise_starts(mid, channels, group, told[1], positions, starts);
    }
    for (int32_t first = 0; first < layer->filters; first += 8) {
        const int32_t some = layer->filters - first < 8 ? layer->filters - first : 8;
        for (int32_t f = 0; f < some; f += 2 * AKRT_HALVES_PAIRS) {
            const int32_t pairs = f + 2 < some ? AKRT_HALVES_PAIRS : 1, four = (first + f) >> 2;
            if (group > 0) {
                const int halved = told[2 + (four >> 3)] >> (four & 7) & 1;
                akrt_pointwise_pairs(mid, weights, channels, halved ? group / 2 : group,
                                     starts +
                                         (halved ? AKRT_RUN * ((channels + group - 1) / group) : 0),
                                     pairs, count, scratch + f);
            }
            for (int32_t k = 0; group == 0 && k < pairs * count; k++) {
                const int32_t pair = k / count, p = k - pair * count;
                akrt_pointwise_apart(mid + p, positions, weights + pair * quads, quads,
                                     scratch + 8 * p + f + 2 * pair);
            }
            weights += pairs * quads;
            AKRT_TICK_WORK(done, AKRT_HALVES_PAIRS * channels);
        }
        akrt_emit(layer, scratch, 8, first, some, y, count, target);
    }
}

#endif
