#ifndef AKRT_POINTWISE_HALVES_H
#define AKRT_POINTWISE_HALVES_H
#include "akrt_depthwise_halves.h"
#include "akrt_emit.h"
#include "akrt_high_sums.h"
/* Pointwise products of depthwise results. Weights are words: four channels of one filter, then of
 * the next. Two filters share a multiplication over groups of channels, in which both sums fit 16
 * bits: starting from -8 times the sum of depthwise results the word is sum0 + sum1 * 2^16. Behind
 * the depthwise weights lies what the exporter has proven: how many quads of channels a group has,
 * 0 where not even four do, how many groups there are if some filters have groups half as large,
 * and a bit for each eight filters, which says whether they do. Where there are no groups filters
 * are multiplied apart. */

#define AKRT_POINTWISE_PAIRS 4 /* of filters at once */

/* Sums of a run over quads of channels, from `start`, for pairs of filters whose weights lie `step`
 * words apart: (AKRT_RUN, AKRT_POINTWISE_PAIRS). */
#if AKRT_HIGH_SUMS
#define AKRT_POINTWISE(name, input)                                                                \
    __attribute__((noinline)) static void name(const akrt_mid *mid, const uint32_t *weights,       \
                                               int32_t step, int32_t quads, const uint32_t *start, \
                                               int32_t pairs, uint32_t *sums) {                    \
        register const akrt_mid *a __asm__("r0") = mid;                                            \
        register const uint32_t *w __asm__("r1") = weights;                                        \
        register int32_t n __asm__("r2") = 4 * quads;                                              \
        register const uint32_t *from __asm__("r3") = start;                                       \
        register uint32_t *to __asm__("r4") = sums;                                                \
        register int32_t left __asm__("r5") = pairs;                                               \
        register int32_t skip __asm__("r6") = 4 * (step - quads);                                  \
        __asm__ volatile(".syntax unified\n\t"                                                     \
                         "push {r0, r2, r3, r4, r5, r6, r7}\n\t"                                   \
                         "sub sp, #4\n\t"                                                          \
                         "movs r7, #15\n\t"                                                        \
                         "lsls r4, r7, #16\n\t"                                                    \
                         "orrs r7, r4\n\t"                                                         \
                         "1:\n\t"                                                                  \
                         "ldr r3, [sp, #12]\n\t"                                                   \
                         "ldmia r3!, {r4, r5, r6}\n\t"                                             \
                         "mov r8, r4\n\t"                                                          \
                         "mov r9, r5\n\t"                                                          \
                         "mov r10, r6\n\t"                                                         \
                         "ldmia r3!, {r4, r5, r6}\n\t"                                             \
                         "mov r11, r4\n\t"                                                         \
                         "mov r12, r5\n\t"                                                         \
                         "mov lr, r6\n\t"                                                          \
                         "ldr r0, [sp, #4]\n\t"                                                    \
                         "ldr r2, [sp, #8]\n\t"                                                    \
                         "adds r2, r1\n\t"                                                         \
                         "str r2, [sp]\n\t"                                                        \
                         "2:\n\t"                                                                  \
                         "ldmia r1!, {r2}\n\t"                                                     \
                         "movs r3, r2\n\t" input "lsrs r3, r2, #4\n\t" input                       \
                         "lsrs r3, r2, #8\n\t" input "lsrs r3, r2, #12\n\t" input                  \
                         "ldr r4, [sp]\n\t"                                                        \
                         "cmp r1, r4\n\t"                                                          \
                         "bne 2b\n\t"                                                              \
                         "ldr r4, [sp, #16]\n\t"                                                   \
                         "mov r5, r8\n\t"                                                          \
                         "str r5, [r4]\n\t"                                                        \
                         "mov r5, r9\n\t"                                                          \
                         "str r5, [r4, #16]\n\t"                                                   \
                         "mov r5, r10\n\t"                                                         \
                         "str r5, [r4, #32]\n\t"                                                   \
                         "mov r5, r11\n\t"                                                         \
                         "str r5, [r4, #48]\n\t"                                                   \
                         "mov r5, r12\n\t"                                                         \
                         "str r5, [r4, #64]\n\t"                                                   \
                         "mov r5, lr\n\t"                                                          \
                         "str r5, [r4, #80]\n\t"                                                   \
                         "adds r4, #4\n\t"                                                         \
                         "str r4, [sp, #16]\n\t"                                                   \
                         "ldr r4, [sp, #24]\n\t"                                                   \
                         "adds r1, r4\n\t"                                                         \
                         "ldr r4, [sp, #20]\n\t"                                                   \
                         "subs r4, #1\n\t"                                                         \
                         "str r4, [sp, #20]\n\t"                                                   \
                         "bne 1b\n\t"                                                              \
                         "add sp, #28\n\t"                                                         \
                         "pop {r7}\n\t"                                                            \
                         : "+r"(a), "+r"(w), "+r"(n), "+r"(from), "+r"(to), "+r"(left), "+r"(skip) \
                         :                                                                         \
                         : "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");                 \
    }
AKRT_POINTWISE(akrt_pointwise_six, "ands r3, r7\n\t" AKRT_HIGH_SIX)
AKRT_POINTWISE(akrt_pointwise_four, "ands r3, r7\n\t" AKRT_HIGH_FOUR)
AKRT_POINTWISE(akrt_pointwise_three, "ands r3, r7\n\t" AKRT_HIGH_FIRST_THREE "adds r0, #4\n\t")
#else
#define AKRT_POINTWISE_PUT(p)                                                                      \
    do {                                                                                           \
        sums[4 * (p)] = s##p;                                                                      \
        if (AKRT_HALVES_PAIRS > 1) {                                                               \
            sums[4 * (p) + 1] = t##p;                                                              \
        }                                                                                          \
    } while (0)
/* The second of two pairs may be none. */
#define AKRT_POINTWISE(name, many)                                                                 \
    AKRT_IN_ORDER static void name(const akrt_mid *mid, const uint32_t *weights, int32_t step,     \
                                   int32_t quads, const uint32_t *start, int32_t pairs,            \
                                   uint32_t *sums) {                                               \
        const int32_t positions = many, next = positions > 4 ? 6 : 4;                              \
        for (; pairs > 0; pairs -= AKRT_HALVES_PAIRS) {                                            \
            const uint32_t *const end = weights + quads;                                           \
            const int32_t more = pairs > 1 ? step : 0;                                             \
            const akrt_mid *a = mid;                                                               \
            uint32_t s0 = start[0], s1 = start[1], s2 = start[2], s3 = start[3], s4 = start[4];    \
            uint32_t s5 = start[5], t0 = s0, t1 = s1, t2 = s2, t3 = s3, t4 = s4, t5 = s5;          \
            do {                                                                                   \
                uint32_t first = weights[0], second = weights[more];                               \
                AKRT_HALVES_INPUT(a);                                                              \
                AKRT_HALVES_INPUT(a + next);                                                       \
                AKRT_HALVES_INPUT(a + 2 * next);                                                   \
                AKRT_HALVES_INPUT(a + 3 * next);                                                   \
                a += 4 * next;                                                                     \
                weights++;                                                                         \
            } while (weights != end);                                                              \
            AKRT_POINTWISE_PUT(0);                                                                 \
            AKRT_POINTWISE_PUT(1);                                                                 \
            AKRT_POINTWISE_PUT(2);                                                                 \
            AKRT_POINTWISE_PUT(3);                                                                 \
            AKRT_POINTWISE_PUT(4);                                                                 \
            AKRT_POINTWISE_PUT(5);                                                                 \
            weights += AKRT_HALVES_PAIRS * step - quads;                                           \
            sums += AKRT_HALVES_PAIRS;                                                             \
        }                                                                                          \
    }
AKRT_POINTWISE(akrt_pointwise_six, 6)
AKRT_POINTWISE(akrt_pointwise_four, 4)
AKRT_POINTWISE(akrt_pointwise_three, 3)
#undef AKRT_POINTWISE_PUT
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

#define AKRT_SPREAD_PAIR(k, how)                                                                   \
    do {                                                                                           \
        const uint32_t both = sums[k];                                                             \
        to[2 * (k)] how(int16_t)(both & 0xffffu);                                                  \
        to[2 * (k) + 1] how(int32_t)(both + 0x8000u) >> 16;                                        \
    } while (0)
#define AKRT_SPREAD(name, how)                                                                     \
    AKRT_IN_ORDER static void name(const uint32_t *sums, int32_t count, int32_t *to) {             \
        do {                                                                                       \
            AKRT_SPREAD_PAIR(0, how);                                                              \
            AKRT_SPREAD_PAIR(1, how);                                                              \
            AKRT_SPREAD_PAIR(2, how);                                                              \
            AKRT_SPREAD_PAIR(3, how);                                                              \
            sums += AKRT_POINTWISE_PAIRS;                                                          \
            to += 2 * AKRT_POINTWISE_PAIRS;                                                        \
        } while (--count > 0);                                                                     \
    }
/* Potentials of all pairs at a run, and the same, added. */
AKRT_SPREAD(akrt_pointwise_put, =)
AKRT_SPREAD(akrt_pointwise_more, +=)
#undef AKRT_SPREAD
#undef AKRT_SPREAD_PAIR

/* Potentials (AKRT_RUN, 8) of up to eight filters. sums: AKRT_RUN * AKRT_POINTWISE_PAIRS. */
static void akrt_pointwise_pairs(const akrt_mid *mid, const uint32_t *weights, int32_t channels,
                                 int32_t group, const uint32_t *start, int32_t pairs, int32_t count,
                                 uint32_t *sums, int32_t *to) {
    const int32_t step = channels >> 2;
    for (int32_t c = 0; c < channels; c += group) {
        const int32_t quads = (channels - c < group ? channels - c : group) >> 2;
        if (count > 4) {
            akrt_pointwise_six(mid, weights, step, quads, start, pairs, sums);
        } else if (count == 4) {
            akrt_pointwise_four(mid, weights, step, quads, start, pairs, sums);
        } else {
            akrt_pointwise_three(mid, weights, step, quads, start, pairs, sums);
        }
        if (c > 0) {
            akrt_pointwise_more(sums, count, to);
        } else {
            akrt_pointwise_put(sums, count, to);
        }
        mid += AKRT_MID_POSITIONS(count) * group;
        weights += group >> 2;
        start += AKRT_RUN;
    }
}

/* Where a run starts, by groups of channels and, if some of them are halved, by halves of the
 * `halved` groups. */
static void akrt_pointwise_starts(const akrt_mid *mid, int32_t channels, int32_t group,
                                  int32_t halved, int32_t positions, uint32_t *starts) {
    const int32_t size = halved > 0 ? group / 2 : group;
    uint32_t *half = starts + AKRT_RUN * halved;
    int second = 0;
    for (int32_t c = 0; c < channels; c += size) {
        const int32_t some = channels - c < size ? channels - c : size;
        akrt_pointwise_start(mid + positions * c, some, positions, half);
        if (halved > 0) {
            for (int32_t p = 0; p < AKRT_RUN; p++) {
                starts[p] = half[p] + (second ? starts[p] : 0);
            }
            starts += second ? AKRT_RUN : 0;
            second = !second;
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
    uint32_t *const sums = (uint32_t *)scratch + 8 * AKRT_RUN;
    uint32_t *const starts = sums + AKRT_POINTWISE_PAIRS * AKRT_RUN;
    const uint32_t *const halves = starts + AKRT_RUN * told[1];
    int32_t done = 0;
    if (group > 0) {
        akrt_pointwise_starts(mid, channels, group, told[1], positions, starts);
    }
    for (int32_t first = 0; first < layer->filters; first += 8) {
        const int32_t some = layer->filters - first < 8 ? layer->filters - first : 8;
        const int32_t pairs = (some + 1) >> 1, octet = first >> 3;
        if (group > 0) {
            const int halved = told[2 + (octet >> 3)] >> (octet & 7) & 1;
            akrt_pointwise_pairs(mid, weights, channels, halved ? group / 2 : group,
                                 halved ? halves : starts, pairs, count, sums, scratch);
        }
        for (int32_t k = 0; group == 0 && k < pairs * count; k++) {
            const int32_t pair = k / count, p = k - pair * count;
            akrt_pointwise_apart(mid + p, positions, weights + pair * quads, quads,
                                 scratch + 8 * p + 2 * pair);
        }
        weights += pairs * quads;
        AKRT_TICK_WORK(done, AKRT_POINTWISE_PAIRS * channels);
        akrt_emit(layer, scratch, 8, first, some, y, count, target);
    }
}

#endif
