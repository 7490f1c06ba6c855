#ifndef AKRT_DEPTHWISE_NINE_H
#define AKRT_DEPTHWISE_NINE_H
#include "akrt_lines.h"
#include "akrt_runs.h"
#if AKRT_LONG_MLA
/* Depthwise products of 3 x 3 weights, stride 1, as those of polynomials: three columns in fields
 * of 12 bits times three weights, the last first, are five partial results in such fields; the
 * third is whole, and the first two are once what the columns before left of them is added. Fields
 * start at 2048: results are within 9 * 15 * 8. */
#define AKRT_NINE_WORDS 12 /* of a line: (3 times three columns, 4 pairs of channels) */

/* The words of octet `octet` of a line, columns from `from` on. */
static void akrt_nine_columns(const akrt_mcu_window *w, const uint32_t *line, int32_t from,
                              int32_t octet, uint32_t *to) {
    const int32_t octets = AKRT_LINE_WORDS(w->channels);
    const uint32_t *const end = to + AKRT_NINE_WORDS;
    const uint32_t width = (uint32_t)w->in_y;
    const uint32_t *at;
    if (line == NULL) {
        memset(to, 0, AKRT_NINE_WORDS * sizeof *to);
        return;
    }
    at = line + from * octets + octet;
    do {
        uint32_t a = 0, b = 0, c = 0;
        if ((uint32_t)from < width) {
            a = *at;
        }
        if ((uint32_t)from + 1 < width) {
            b = at[octets];
        }
        if ((uint32_t)from + 2 < width) {
            c = at[2 * octets];
        }
        to[0] = (a & 255u) | (b & 255u) << 12 | c << 24;
        to[1] = (a >> 8 & 255u) | (b >> 8 & 255u) << 12 | c >> 8 << 24;
        to[2] = (a >> 16 & 255u) | (b >> 16 & 255u) << 12 | c >> 16 << 24;
        to[3] = a >> 24 | b >> 24 << 12 | (c & 0xff000000u);
        at += 3 * octets;
        from += 3;
        to += 4;
    } while (to != end);
}

/* Adds a * b to a sum of two words, which compilers move about as one. */
static inline void akrt_smlal(uint32_t *low, uint32_t *high, uint32_t a, int32_t b) {
#if defined(__GNUC__)
    uint32_t first = *low, second = *high;
    __asm__("smlal %0, %1, %2, %3" : "+r"(first), "+r"(second) : "r"(a), "r"(b));
    *low = first;
    *high = second;
#else
    const uint64_t sum = (uint64_t)*high << 32 | *low;
    const uint64_t more = sum + (uint64_t)((int64_t)(int32_t)a * b);
    *low = (uint32_t)more;
    *high = (uint32_t)(more >> 32);
#endif
}

#define AKRT_NINE_BLOCK(k)                                                                         \
    akrt_smlal(&low, &high, words[4 * (k)] >> bits & 0x0f00f00fu, first);                          \
    akrt_smlal(&low, &high, words[4 * (k) + 12] >> bits & 0x0f00f00fu, second);                    \
    akrt_smlal(&low, &high, words[4 * (k) + 24] >> bits & 0x0f00f00fu, third);
#define AKRT_NINE_WEIGHTS(at)                                                                      \
    (weights[(at) + 2] + weights[(at) + 1] * 4096 + weights[at] * 16777216)
#define AKRT_NINE_PAIR(a, b) ((a) + ((b) << 16) + 0xf8007800u)
/* One channel. */
#if defined(__GNUC__)
__attribute__((always_inline))
#endif
static inline void
akrt_nine_channel(const uint32_t *words, const int8_t *weights, int32_t bits, uint32_t *to) {
    const int32_t first = AKRT_NINE_WEIGHTS(0), second = AKRT_NINE_WEIGHTS(3);
    const int32_t third = AKRT_NINE_WEIGHTS(6);
    uint32_t low = 0x00800800u, high = 0x08008008u, one;
    AKRT_NINE_BLOCK(0)
    one = low >> 24 | (high & 15u) << 8;
    low = high >> 4; /* 36 bits on */
    high = 0x08008008u;
    AKRT_NINE_BLOCK(1)
    to[0] = AKRT_NINE_PAIR(one, low & 0xfffu);
    to[1] = AKRT_NINE_PAIR(low >> 12 & 0xfffu, low >> 24 | (high & 15u) << 8);
    low = high >> 4;
    high = 0x08008008u;
    AKRT_NINE_BLOCK(2)
    to[2] = AKRT_NINE_PAIR(low & 0xfffu, low >> 12 & 0xfffu);
}

/* As akrt_depthwise_pairs. words: 3 * AKRT_NINE_WORDS. */
AKRT_IN_ORDER static void akrt_depthwise_nine(const uint32_t *words, const int8_t *weights,
                                              uint32_t *to) {
    const uint32_t *const end = words + 4;
    do {
        akrt_nine_channel(words, weights, 0, to);
        akrt_nine_channel(words, weights + 9, 4, to + AKRT_RUN / 2);
        weights += 18;
        to += AKRT_RUN;
        words++;
    } while (words != end);
}
#undef AKRT_NINE_BLOCK
#undef AKRT_NINE_WEIGHTS
#undef AKRT_NINE_PAIR
#endif
#endif
