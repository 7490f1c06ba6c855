#ifndef AKRT_DEPTHWISE_HALVES_H
#define AKRT_DEPTHWISE_HALVES_H
#include "akrt_depthwise_high.h"
#include "akrt_lines.h"
#include "akrt_pointwise_apart.h"
#include "akrt_tick.h"
/* Depthwise results of all channels, filled up to a multiple of 8, at a run of positions:
 * (channels, AKRT_MID_POSITIONS). Two positions lie 16 bits apart in a word, `half` of all from one
 * another, so that a multiplication serves both. */
#define AKRT_MID_POSITIONS(count) ((count) > 4 ? 6 : 4) /* of a run of `count` */

/* Pairs of words of eight channels that the windows of a run cover, on one line. */
#define AKRT_RUN_COLUMNS(size_y, stride_y) (2 * (2 * (stride_y) + (size_y)))

/* Both sums of a word, `half` positions apart. */
static inline void akrt_depthwise_put(uint32_t sum, int32_t half, akrt_mid *to) {
    to[0] = (int16_t)(sum & 0xffffu);
    to[half] = (int32_t)(sum + 0x8000u) >> 16;
}

/* One channel, `half` its nibble in halves: 2 * half positions. pairs: (size_x, columns, 2). */
static inline void akrt_depthwise_channel(const uint32_t *pairs, int32_t bits,
                                          const int8_t *weights, int32_t size_x, int32_t size_y,
                                          int32_t stride, int32_t half, akrt_mid *to) {
    const int32_t columns = 2 * ((half - 1) * stride + size_y);
    uint32_t s0 = 0, s1 = 0, s2 = 0;
    for (int32_t i = 0; i < size_x; i++) {
        for (int32_t j = 0; j < size_y; j++) {
            const uint32_t weight = (uint32_t)(int32_t)*weights++;
            s0 += (pairs[2 * j] >> bits & AKRT_HALVES_MASK) * weight;
            s1 += (pairs[2 * (j + stride)] >> bits & AKRT_HALVES_MASK) * weight;
            if (half > 2) {
                s2 += (pairs[2 * (j + 2 * stride)] >> bits & AKRT_HALVES_MASK) * weight;
            }
        }
        pairs += columns;
    }
    akrt_depthwise_put(s0, half, to);
    akrt_depthwise_put(s1, half, to + 1);
    if (half > 2) {
        akrt_depthwise_put(s2, half, to + 2);
    }
}

/* Eight channels. weights: (8, taps). */
#define AKRT_DEPTHWISE_OCTET(name, size_x, size_y, stride, half)                                   \
    AKRT_IN_ORDER static void name(const akrt_mcu_window *w, const uint32_t *pairs,                \
                                   const int8_t *weights, akrt_mid *mid) {                         \
        (void)w;                                                                                   \
        for (int32_t word = 0; word < 2; word++) {                                                 \
            for (int32_t bits = 0; bits < 16; bits += 4) {                                         \
                akrt_depthwise_channel(pairs, bits, weights, size_x, size_y, stride, half, mid);   \
                weights += (size_x) * (size_y);                                                    \
                mid += 2 * (half);                                                                 \
            }                                                                                      \
            pairs++;                                                                               \
        }                                                                                          \
    }
AKRT_DEPTHWISE_OCTET(akrt_depthwise_six, w->size_x, w->size_y, w->stride_y, 3)
AKRT_DEPTHWISE_OCTET(akrt_depthwise_four, w->size_x, w->size_y, w->stride_y, 2)
#undef AKRT_DEPTHWISE_OCTET

#define AKRT_DEPTHWISE_NEXT(k) x = pairs[k] >> bits & AKRT_HALVES_MASK
#define AKRT_DEPTHWISE_WEIGHT(k) const uint32_t w##k = (uint32_t)(int32_t)weights[k]
#define AKRT_DEPTHWISE_ONE_BY_ONE(half)                                                            \
    do {                                                                                           \
        AKRT_DEPTHWISE_WEIGHT(0);                                                                  \
        AKRT_DEPTHWISE_WEIGHT(1);                                                                  \
        AKRT_DEPTHWISE_WEIGHT(2);                                                                  \
        uint32_t AKRT_DEPTHWISE_NEXT(0);                                                           \
        s0 += x * w0;                                                                              \
        AKRT_DEPTHWISE_NEXT(2);                                                                    \
        s0 += x * w1;                                                                              \
        s1 += x * w0;                                                                              \
        AKRT_DEPTHWISE_NEXT(4);                                                                    \
        s0 += x * w2;                                                                              \
        s1 += x * w1;                                                                              \
        if ((half) > 2) {                                                                          \
            s2 += x * w0;                                                                          \
        }                                                                                          \
        AKRT_DEPTHWISE_NEXT(6);                                                                    \
        s1 += x * w2;                                                                              \
        if ((half) > 2) {                                                                          \
            s2 += x * w1;                                                                          \
            AKRT_DEPTHWISE_NEXT(8);                                                                \
            s2 += x * w2;                                                                          \
        }                                                                                          \
    } while (0)
#define AKRT_DEPTHWISE_TWO_BY_TWO(half)                                                            \
    do {                                                                                           \
        AKRT_DEPTHWISE_WEIGHT(0);                                                                  \
        AKRT_DEPTHWISE_WEIGHT(1);                                                                  \
        AKRT_DEPTHWISE_WEIGHT(2);                                                                  \
        uint32_t AKRT_DEPTHWISE_NEXT(0);                                                           \
        s0 += x * w0;                                                                              \
        AKRT_DEPTHWISE_NEXT(2);                                                                    \
        s0 += x * w1;                                                                              \
        AKRT_DEPTHWISE_NEXT(4);                                                                    \
        s0 += x * w2;                                                                              \
        s1 += x * w0;                                                                              \
        AKRT_DEPTHWISE_NEXT(6);                                                                    \
        s1 += x * w1;                                                                              \
        AKRT_DEPTHWISE_NEXT(8);                                                                    \
        s1 += x * w2;                                                                              \
        if ((half) > 2) {                                                                          \
            s2 += x * w0;                                                                          \
            AKRT_DEPTHWISE_NEXT(10);                                                               \
            s2 += x * w1;                                                                          \
            AKRT_DEPTHWISE_NEXT(12);                                                               \
            s2 += x * w2;                                                                          \
        }                                                                                          \
    } while (0)
/* 3 x 3, six positions or four; a line has `step` words. */
#define AKRT_DEPTHWISE_NINE(name, line, half, step)                                                \
    AKRT_IN_ORDER static void name(const uint32_t *pairs, const int8_t *weights, akrt_mid *mid) {  \
        for (int32_t word = 0; word < 2; word++) {                                                 \
            for (int32_t bits = 0; bits < 16; bits += 4) {                                         \
                uint32_t s0 = 0, s1 = 0, s2 = 0;                                                   \
                line(half);                                                                        \
                weights += 3;                                                                      \
                pairs += step;                                                                     \
                line(half);                                                                        \
                weights += 3;                                                                      \
                pairs += step;                                                                     \
                line(half);                                                                        \
                weights += 3;                                                                      \
                pairs -= 2 * (step);                                                               \
                akrt_depthwise_put(s0, half, mid);                                                 \
                akrt_depthwise_put(s1, half, mid + 1);                                             \
                if ((half) > 2) {                                                                  \
                    akrt_depthwise_put(s2, half, mid + 2);                                         \
                }                                                                                  \
                mid += 2 * (half);                                                                 \
            }                                                                                      \
            pairs++;                                                                               \
        }                                                                                          \
    }
#if !AKRT_HIGH_SUMS
AKRT_DEPTHWISE_NINE(akrt_depthwise_ones, AKRT_DEPTHWISE_ONE_BY_ONE, 3, 10)
AKRT_DEPTHWISE_NINE(akrt_depthwise_ones_four, AKRT_DEPTHWISE_ONE_BY_ONE, 2, 8)
#endif
AKRT_DEPTHWISE_NINE(akrt_depthwise_twos, AKRT_DEPTHWISE_TWO_BY_TWO, 3, 14)
#undef AKRT_DEPTHWISE_NINE
#undef AKRT_DEPTHWISE_ONE_BY_ONE
#undef AKRT_DEPTHWISE_TWO_BY_TWO
#undef AKRT_DEPTHWISE_WEIGHT
#undef AKRT_DEPTHWISE_NEXT

/* Both halves of a word's channels beside those of another. */
static inline uint32_t *akrt_depthwise_pair(uint32_t here, uint32_t there, uint32_t *to) {
    to[0] = (here & 0xffffu) | there << 16;
    to[1] = here >> 16 | (there & 0xffff0000u);
    return to + 2;
}

/* Of one line, columns from `v` to before `end`: words and those `distance` columns behind. `line`
 * begins with the word in question. */
static inline uint32_t *akrt_depthwise_pairs(const uint32_t *line, int32_t v, int32_t end,
                                             int32_t distance, int32_t in_y, int32_t words,
                                             uint32_t *to) {
    const int32_t behind = distance * words, whole = in_y - distance < end ? in_y - distance : end;
    int32_t at = v * words;
    for (; v < 0 && v < end; v++) {
        const int there = line != NULL && v + distance >= 0 && v + distance < in_y;
        to = akrt_depthwise_pair(0, there ? line[at + behind] : 0, to);
        at += words;
    }
    if (line != NULL && v < whole) {
        const uint32_t *from = line + at, *const last = line + whole * words;
        v = whole;
        at = whole * words;
        do {
            to = akrt_depthwise_pair(*from, from[behind], to);
            from += words;
        } while (from != last);
    }
    for (; v < end; v++) {
        to = akrt_depthwise_pair(line != NULL && v < in_y ? line[at] : 0, 0, to);
        at += words;
    }
    return to;
}

/* The same of octet `octet` of all lines of the windows. */
AKRT_IN_ORDER static void akrt_depthwise_gather(const akrt_mcu_window *w, const void *const *lines,
                                                int32_t octet, int32_t from, int32_t end,
                                                int32_t distance, uint32_t *to) {
    const void *const *const last = lines + w->size_x;
    const int32_t in_y = w->in_y, octets = AKRT_LINE_WORDS(w->channels);
    do {
        const uint32_t *const line = (const uint32_t *)*lines;
        to = akrt_depthwise_pairs(line == NULL ? line : line + octet, from, end, distance, in_y,
                                  octets, to);
    } while (++lines != last);
}

/* Weights are (channels, taps), with zeros up to AKRT_MID_CHANNELS. words: size_x * columns. */
static void akrt_depthwise_run(const akrt_mcu_layer *layer, const void *const *lines, int32_t y,
                               int32_t count, uint32_t *words, akrt_mid *mid) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t octets = AKRT_LINE_WORDS(w->channels), taps = w->size_x * w->size_y;
    const int32_t half = AKRT_MID_POSITIONS(count) / 2, distance = half * w->stride_y;
    const int32_t from = y * w->stride_y - w->pad_y;
    const int32_t end = from + (half - 1) * w->stride_y + w->size_y;
    const int nine = w->size_x == 3 && w->size_y == 3, ones = nine && w->stride_y == 1;
    const int8_t *weights = (const int8_t *)layer->depthwise;
    int32_t done = 0;
    for (int32_t octet = 0; octet < octets; octet++) {
        akrt_depthwise_gather(w, lines, octet, from, end, distance, words);
        if (ones) {
            if (half == 2) {
                akrt_depthwise_ones_four(words, weights, mid);
            } else {
                akrt_depthwise_ones(words, weights, mid);
            }
        } else if (half == 2) {
            akrt_depthwise_four(w, words, weights, mid);
        } else if (nine && w->stride_y == 2) {
            akrt_depthwise_twos(words, weights, mid);
        } else {
            akrt_depthwise_six(w, words, weights, mid);
        }
        weights += 8 * taps;
        mid += 16 * half;
        AKRT_TICK_WORK(done, 8 * taps);
    }
}
#endif
