#ifndef AKRT_STRIPS_HALVES_H
#define AKRT_STRIPS_HALVES_H
#include "akrt_halves.h"
#include "akrt_lines.h"
/* Inputs of a run of windows. A strip has eight values of every channel, a window's stride apart on
 * Y: of up to three taps the inputs at one position after another. Strips are (channels, 8). */
#define AKRT_STRIP_WIDTH 8
#define AKRT_STRIP_TAPS (AKRT_STRIP_WIDTH + 1 - AKRT_RUN)

/* Rows of all strips at once: at most 288 products, each of at most 15 * 15, are added up in 16
 * bits. */
#if AKRT_HIGH_SUMS
typedef uint32_t akrt_strip_value; /* words are loaded in multiples */
#define AKRT_STRIP_ROWS 32
#else
typedef uint8_t akrt_strip_value;
#define AKRT_STRIP_ROWS 96
#endif
#define AKRT_STRIP_ROW_WORDS ((int32_t)(AKRT_STRIP_WIDTH * sizeof(akrt_strip_value) / 4))

/* A tap is how far to go to its values, in values, and to its weights, in words, from behind those
 * of the tap before. The last is followed by AKRT_STRIP_END, which is no distance of values. */
#define AKRT_STRIP_END 4
#define AKRT_STRIP_TAP_WORDS (2 * AKRT_STRIP_TAPS * (AKRT_STRIP_ROWS / 8) + 1)

/* Of strips and their taps, by the inputs of a window. */
#define AKRT_PRODUCT_TAP_WORDS(inputs)                                                             \
    ((int32_t)(inputs) < 2 * AKRT_STRIP_TAP_WORDS - 2 ? ((int32_t)(inputs) + 1) / 2 + 1            \
                                                      : AKRT_STRIP_TAP_WORDS)
#define AKRT_PRODUCT_WORDS(inputs)                                                                 \
    (AKRT_STRIP_ROW_WORDS *                                                                        \
         (2 * (int32_t)(inputs) < AKRT_STRIP_ROWS ? 2 * (int32_t)(inputs) : AKRT_STRIP_ROWS) +     \
     AKRT_PRODUCT_TAP_WORDS(inputs))

typedef struct akrt_strips {
    akrt_strip_value *values;
    int32_t *taps;
    int32_t rows;   /* of all strips so far */
    int32_t count;  /* of taps so far */
    int32_t value;  /* behind the last tap's */
    int32_t weight; /* the same */
    uint32_t start[AKRT_RUN];
} akrt_strips;

static void akrt_strips_begin(akrt_strips *s) {
    s->rows = s->count = s->value = s->weight = 0;
    s->start[0] = s->start[1] = s->start[2] = s->start[3] = s->start[4] = s->start[5] = 0;
}

#if AKRT_HIGH_SUMS
/* Eight channels of eight columns. */
static inline void akrt_strip_octet(const uint32_t *octets, akrt_strip_value *to) {
    for (int32_t k = 0; k < AKRT_STRIP_WIDTH; k++) {
        const uint32_t word = *octets++;
        akrt_strip_value *const more = to + 4 * AKRT_STRIP_WIDTH;
        to[0] = word & 15u;
        to[AKRT_STRIP_WIDTH] = word >> 4 & 15u;
        to[2 * AKRT_STRIP_WIDTH] = word >> 8 & 15u;
        to[3 * AKRT_STRIP_WIDTH] = word >> 12 & 15u;
        more[0] = word >> 16 & 15u;
        more[AKRT_STRIP_WIDTH] = word >> 20 & 15u;
        more[2 * AKRT_STRIP_WIDTH] = word >> 24 & 15u;
        more[3 * AKRT_STRIP_WIDTH] = word >> 28;
        to++;
    }
}
#else
/* Four bytes, the first in the lowest. */
static inline void akrt_strip_bytes(uint32_t bytes, akrt_strip_value *to) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    *(uint32_t *)(void *)to = bytes;
#else
    for (int32_t k = 0; k < 4; k++) {
        to[k] = (akrt_strip_value)(bytes >> (8 * k) & 255u);
    }
#endif
}

/* Four channels of four columns: even has the first and third in its halves, odd the others. */
static inline void akrt_strip_nibbles(uint32_t even, uint32_t odd, akrt_strip_value *to) {
    akrt_strip_bytes((even & 0x000f000fu) | (odd << 8 & 0x0f000f00u), to);
    akrt_strip_bytes((even >> 4 & 0x000f000fu) | (odd << 4 & 0x0f000f00u), to + AKRT_STRIP_WIDTH);
    akrt_strip_bytes((even >> 8 & 0x000f000fu) | (odd & 0x0f000f00u), to + 2 * AKRT_STRIP_WIDTH);
    akrt_strip_bytes((even >> 12 & 0x000f000fu) | (odd >> 4 & 0x0f000f00u),
                     to + 3 * AKRT_STRIP_WIDTH);
}

/* Eight channels of eight columns. */
static inline void akrt_strip_octet(const uint32_t *octets, akrt_strip_value *to) {
    for (int32_t k = 0; k < AKRT_STRIP_WIDTH; k += 4) {
        const uint32_t a = octets[k], b = octets[k + 1], c = octets[k + 2], d = octets[k + 3];
        akrt_strip_nibbles((a & 0xffffu) | c << 16, (b & 0xffffu) | d << 16, to + k);
        akrt_strip_nibbles(a >> 16 | (c & 0xffff0000u), b >> 16 | (d & 0xffff0000u),
                           to + 4 * AKRT_STRIP_WIDTH + k);
    }
}
#endif

/* Sum of eight nibbles, in two halves that are still to be added. */
static inline uint32_t akrt_nibbles_sum(uint32_t word) {
    const uint32_t pairs = (word & 0x0f0f0f0fu) + (word >> 4 & 0x0f0f0f0fu);
    return (pairs & 0x00ff00ffu) + (pairs >> 8 & 0x00ff00ffu);
}

/* Fills the next strip from words of eight channels, `step` apart, of which `low` to `high` exist,
 * and adds to the sums of its columns. */
static void akrt_strip_fill(const uint32_t *line, int32_t at, int32_t step, int32_t low,
                            int32_t high, int32_t octets, akrt_strip_value *to, uint32_t *sums) {
    for (int32_t o = 0; o < octets; o++) {
        uint32_t words[AKRT_STRIP_WIDTH];
        int32_t k = 0, from = at + low * step;
        for (; k < low; k++) {
            words[k] = 0;
        }
        for (; k < high; k++) {
            words[k] = line[from];
            sums[k] += akrt_nibbles_sum(words[k]);
            from += step;
        }
        for (; k < AKRT_STRIP_WIDTH; k++) {
            words[k] = 0;
        }
        akrt_strip_octet(words, to);
        to += 8 * AKRT_STRIP_WIDTH;
        at++;
    }
}

/* Adds the strip of taps j, j + stride, ... of line `i` of the windows from `y` on, octets `first`
 * to `first` + `octets` of it; `quads` inputs are there of every tap. */
static void akrt_strips_add(akrt_strips *s, const akrt_mcu_window *w, const void *line, int32_t i,
                            int32_t j, int32_t y, int32_t count, int32_t first, int32_t octets,
                            int32_t quads) {
    const int32_t words = AKRT_LINE_WORDS(w->channels), stride = w->stride_y;
    const int32_t v = y * stride - w->pad_y + j;
    const int32_t of_tap = (w->channels + 3) >> 2;
    int32_t low = v, high = 0, behind = v;
    int32_t value = AKRT_STRIP_WIDTH * s->rows, weight = (i * w->size_y + j) * of_tap + 2 * first;
    int32_t taps = 0;
    uint32_t sums[AKRT_STRIP_WIDTH];
    sums[0] = sums[1] = sums[2] = sums[3] = sums[4] = sums[5] = sums[6] = sums[7] = 0;
    for (int32_t k = j; k < w->size_y && taps < AKRT_STRIP_TAPS; k += stride) {
        taps++;
    }
    for (low = 0; behind < 0 && low < AKRT_STRIP_WIDTH; low++) {
        behind += stride;
    }
    for (high = low; behind < w->in_y && high < count + taps - 1; high++) {
        behind += stride;
    }
    akrt_strip_fill((const uint32_t *)line, v * words + first, stride * words, low, high, octets,
                    s->values + value, sums);
    for (int32_t k = 0; k < AKRT_STRIP_WIDTH; k++) {
        sums[k] = (sums[k] & 0xffffu) + (sums[k] >> 16);
    }
    for (int32_t tap = 0; tap < taps; tap++) {
        int32_t *const to = s->taps + 2 * s->count;
        to[0] = value - s->value;
        to[1] = weight - s->weight;
        s->value = value + 4 * AKRT_STRIP_WIDTH * quads;
        s->weight = weight + quads;
        s->count++;
        for (int32_t p = 0; p < AKRT_RUN; p++) {
            s->start[p] += 8 * sums[tap + p];
        }
        value++;
        weight += stride * of_tap;
    }
    s->rows += 8 * octets;
}
#endif
