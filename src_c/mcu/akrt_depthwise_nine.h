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

/* Puts the low byte of `byte` into a word, from bit `at` on. */
#if defined(__GNUC__)
#define AKRT_NINE_INSERT(word, byte, at)                                                           \
    __asm__("bfi %0, %1, #" #at ", #8" : "+r"(word) : "r"(byte))
#else
#define AKRT_NINE_INSERT(word, byte, at)                                                           \
    ((word) = ((word) & ~((uint32_t)255 << (at))) | ((byte)&255u) << (at))
#endif
/* Byte k of `c` to bits 24 to 31, shifted by 24 - 8 * k. */
#if AKRT_DSP
#define AKRT_NINE_LAST(word, k, shift)                                                             \
    __asm__("pkhbt %0, %0, %1, lsl #" #shift : "+r"(word) : "r"(c))
#else
#define AKRT_NINE_LAST(word, k, shift) AKRT_NINE_INSERT(word, c >> 8 * (k), 24)
#endif
#define AKRT_NINE_COLUMNS(k, shift)                                                                \
    do {                                                                                           \
        uint32_t word = a >> 8 * (k);                                                              \
        AKRT_NINE_LAST(word, k, shift);                                                            \
        AKRT_NINE_INSERT(word, b >> 8 * (k), 12);                                                  \
        to[k] = word;                                                                              \
    } while (0)
/* The words of octet `octet` of a line, `blocks` times three columns from `from` on. Between the
 * bytes of columns is what no mask of akrt_nine_channel lets through. */
static void akrt_nine_columns(const akrt_mcu_window *w, const uint32_t *line, int32_t from,
                              int32_t octet, int32_t blocks, uint32_t *to) {
    const int32_t octets = AKRT_LINE_WORDS(w->channels);
    const uint32_t *const end = to + 4 * blocks;
    const uint32_t width = (uint32_t)w->in_y;
    const uint32_t *at;
    if (line == NULL) {
        memset(to, 0, AKRT_NINE_WORDS * sizeof *to);
        return;
    }
    at = line + from * octets + octet;
    do {
        uint32_t a = 0, b = 0, c = 0;
        if (from >= 0 && (uint32_t)from + 2 < width) {
            a = *at;
            b = at[octets];
            c = at[2 * octets];
        } else {
            if ((uint32_t)from < width) {
                a = *at;
            }
            if ((uint32_t)from + 1 < width) {
                b = at[octets];
            }
            if ((uint32_t)from + 2 < width) {
                c = at[2 * octets];
            }
        }
        AKRT_NINE_COLUMNS(0, 24);
        AKRT_NINE_COLUMNS(1, 16);
        AKRT_NINE_COLUMNS(2, 8);
        AKRT_NINE_COLUMNS(3, 0);
        at += 3 * octets;
        from += 3;
        to += 4;
    } while (to != end);
}

#undef AKRT_NINE_INSERT
#undef AKRT_NINE_LAST
#undef AKRT_NINE_COLUMNS

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
#define AKRT_NINE_PAIR(a, b) ((a) + ((b) << 16) + 0xf8007800u)
/* One channel, `weights` being those of the three lines; of two blocks results are those of the
 * first four positions. */
#if defined(__GNUC__)
__attribute__((always_inline))
#endif
static inline void
akrt_nine_channel(const uint32_t *words, const int32_t *weights, int32_t bits, int32_t blocks,
                  uint32_t *to) {
    const int32_t first = weights[0], second = weights[1], third = weights[2];
    uint32_t low = 0x00800800u, high = 0x08008008u, one;
    AKRT_NINE_BLOCK(0)
    one = low >> 24 | (high & 15u) << 8;
    low = high >> 4; /* 36 bits on */
    high = 0x08008008u;
    AKRT_NINE_BLOCK(1)
    to[0] = AKRT_NINE_PAIR(one, low & 0xfffu);
    to[1] = AKRT_NINE_PAIR(low >> 12 & 0xfffu, low >> 24 | (high & 15u) << 8);
    to[2] = 0;
    if (blocks == 3) {
        low = high >> 4;
        high = 0x08008008u;
        AKRT_NINE_BLOCK(2)
        to[2] = AKRT_NINE_PAIR(low & 0xfffu, low >> 12 & 0xfffu);
    }
}

#define AKRT_NINE_CHANNELS(blocks)                                                                 \
    const uint32_t *const end = words + 4;                                                         \
    do {                                                                                           \
        akrt_nine_channel(words, weights, 0, blocks, to);                                          \
        akrt_nine_channel(words, weights + 3, 4, blocks, to + AKRT_RUN / 2);                       \
        weights += 6;                                                                              \
        to += AKRT_RUN;                                                                            \
        words++;                                                                                   \
    } while (words != end)
/* As akrt_depthwise_pairs, at six positions and at four. words: 3 * AKRT_NINE_WORDS; weights:
 * (8, 3), those of a line in fields of 12 bits, the last lowest. */
AKRT_IN_ORDER static void akrt_depthwise_nine(const uint32_t *words, const int32_t *weights,
                                              uint32_t *to) {
    AKRT_NINE_CHANNELS(3);
}

AKRT_IN_ORDER static void akrt_depthwise_four(const uint32_t *words, const int32_t *weights,
                                              uint32_t *to) {
    AKRT_NINE_CHANNELS(2);
}
#undef AKRT_NINE_CHANNELS
#undef AKRT_NINE_BLOCK
#undef AKRT_NINE_PAIR
#endif
#endif
