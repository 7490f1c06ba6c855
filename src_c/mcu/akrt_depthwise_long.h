#ifndef AKRT_DEPTHWISE_LONG_H
#define AKRT_DEPTHWISE_LONG_H
#include "akrt_depthwise_nine.h"
#include "akrt_depthwise_shared.h"
#include "akrt_lines.h"
#include "akrt_pack_halves.h"
#include "akrt_runs.h"
#if AKRT_LONG_MLA
/* Depthwise products of two neighbouring positions of the output at once, 16 bits apart. Words are
 * (size_x, columns, 2): of column v and the column `stride_y` after it, channels 0 to 3 of both in
 * the first word, 4 to 7 in the second. */
#define AKRT_PAIR_COLUMNS(size_y, stride_y) ((AKRT_RUN - 2) * (stride_y) + (size_y))
#define AKRT_DEPTHWISE_WORDS(size_x, size_y, stride_y)                                             \
    (2 * (size_x)*AKRT_PAIR_COLUMNS(size_y, stride_y))

/* The words of octet `octet` of a line, columns from `from` on. */
static void akrt_pair_columns(const akrt_mcu_window *w, const uint32_t *line, int32_t from,
                              int32_t octet, uint32_t *to) {
    const int32_t octets = AKRT_LINE_WORDS(w->channels), stride = w->stride_y;
    const int32_t move = octets * stride;
    const uint32_t *const end = to + 2 * AKRT_PAIR_COLUMNS(w->size_y, stride);
    const uint32_t *at = line;
    if (line == NULL) {
        memset(to, 0, (size_t)(end - to) * sizeof *to);
        return;
    }
    for (; from < 0; from++) {
        const uint32_t b = akrt_line_word(line, from + stride, w->in_y, octets, octet);
        to[0] = b << 16;
        to[1] = b & 0xffff0000u;
        to += 2;
    }
    at += from * octets + octet;
    for (; to != end && from + stride < w->in_y; from++) {
        const uint32_t a = at[0], b = at[move];
        to[0] = akrt_pack_low(a, b);
        to[1] = akrt_pack_high(a, b);
        at += octets;
        to += 2;
    }
    for (; to != end; from++) {
        const uint32_t a = from < w->in_y ? *at : 0;
        to[0] = a & 0xffffu;
        to[1] = a >> 16;
        at += octets;
        to += 2;
    }
}

#define AKRT_PAIR_TAP(v)                                                                           \
    at = line[2 * (v)];                                                                            \
    x = at >> bits & 0x000f000fu;
/* One channel of any window. */
static inline const int8_t *akrt_pair_channel(const akrt_mcu_window *w, const uint32_t *words,
                                              const int8_t *weights, int32_t bits, uint32_t *to) {
    const int32_t move = 2 * w->stride_y;
    uint32_t s0 = 0x8000u, s1 = 0x8000u, s2 = 0x8000u;
    for (int32_t i = 0; i < w->size_x; i++) {
        const uint32_t *line = words + 2 * i * AKRT_PAIR_COLUMNS(w->size_y, w->stride_y);
        const int8_t *const end = weights + w->size_y;
        do {
            const uint32_t weight = (uint32_t)(int32_t)*weights++;
            uint32_t at, x;
            AKRT_PAIR_TAP(0)
            s0 += x * weight;
            AKRT_PAIR_TAP(move)
            s1 += x * weight;
            AKRT_PAIR_TAP(2 * move)
            s2 += x * weight;
            line += 2;
        } while (weights != end);
    }
    to[0] = s0;
    to[1] = s1;
    to[2] = s2;
    return weights;
}
#undef AKRT_PAIR_TAP

/* Eight channels, (8, AKRT_RUN / 2): the first position's result + 2^15 in the low half. */
AKRT_IN_ORDER static void akrt_depthwise_pairs(const akrt_mcu_window *w, const uint32_t *words,
                                               const int8_t *weights, uint32_t *to) {
    const uint32_t *const end = to + 4 * AKRT_RUN;
    do {
        weights = akrt_pair_channel(w, words, weights, 0, to);
        weights = akrt_pair_channel(w, words, weights, 4, to + 3);
        weights = akrt_pair_channel(w, words, weights, 8, to + 6);
        weights = akrt_pair_channel(w, words, weights, 12, to + 9);
        words++;
        to += 2 * AKRT_RUN;
    } while (to != end);
}

/* The same of octet `octet` at a run of `count` positions from position `y` on; those beyond have
 * results of no use. words: AKRT_DEPTHWISE_WORDS, which is more than 3 * AKRT_NINE_WORDS. */
static void akrt_depthwise_long(const akrt_mcu_layer *layer, const void *const *lines, int32_t y,
                                int32_t count, int32_t octet, uint32_t *words, uint32_t *to) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t taps = w->size_x * w->size_y;
    const int8_t *const weights = (const int8_t *)layer->depthwise + 8 * octet * taps;
    if (w->size_x == 3 && w->size_y == 3 && w->stride_y == 1) {
        const int32_t blocks = count > 4 ? 3 : 2;
        for (int32_t i = 0; i < 3; i++) {
            akrt_nine_columns(w, (const uint32_t *)lines[i], y - w->pad_y, octet, blocks,
                              words + i * AKRT_NINE_WORDS);
        }
        if (blocks == 3) {
            akrt_depthwise_nine(words, (const int32_t *)layer->depthwise + 24 * octet, to);
        } else {
            akrt_depthwise_four(words, (const int32_t *)layer->depthwise + 24 * octet, to);
        }
        return;
    }
    for (int32_t i = 0; i < w->size_x; i++) {
        akrt_pair_columns(w, (const uint32_t *)lines[i], y * w->stride_y - w->pad_y, octet,
                          words + 2 * i * AKRT_PAIR_COLUMNS(w->size_y, w->stride_y));
    }
    if (w->size_y == 5 && w->stride_y == 1) {
        akrt_depthwise_five(words, weights, taps, to);
    } else if (w->size_y == 3 && w->stride_y == 2) {
        akrt_depthwise_three(words, weights, taps, to);
    } else {
        akrt_depthwise_pairs(w, words, weights, to);
    }
}
#endif
#endif
