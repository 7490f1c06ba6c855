#ifndef AKRT_DEPTHWISE_LINES_H
#define AKRT_DEPTHWISE_LINES_H
#include "akrt_runs.h"
/* Depthwise results of all channels, filled up to a multiple of 8, at a run of positions. */
#define AKRT_MID_CHANNELS(channels) (((int32_t)(channels) + 7) & ~7)
#if !AKRT_DSP
#include "akrt_depthwise_halves.h"
#endif

#if AKRT_DSP
/* Words of eight channels that the windows of a run cover. */
#define AKRT_RUN_COLUMNS(size_y, stride_y) ((AKRT_RUN - 1) * (stride_y) + (size_y))

/* (pairs of channels, AKRT_RUN, 2) */
typedef int16_t akrt_mid;
#define AKRT_MID_AT(c, p) (((c) >> 1) * 2 * AKRT_RUN + 2 * (p) + ((c)&1))
#define AKRT_RUN_EACH(operation)                                                                   \
    operation(0) operation(1) operation(2) operation(3) operation(4) operation(5)

#define AKRT_SET_SUM(p) s##p = 0;
#define AKRT_ADD_TAP(p)                                                                            \
    s##p += (int32_t)(*a >> bits & 15u) * weight;                                                  \
    a += step;
#define AKRT_PUT_SUM(p) to[AKRT_MID_AT(0, p)] = (akrt_mid)s##p;
/* Eight channels. words: (size_x, columns); weights: (8, taps). */
AKRT_IN_ORDER static void akrt_depthwise_octet(const akrt_mcu_window *w, const uint32_t *words,
                                               const int8_t *weights, akrt_mid *mid) {
    const int32_t columns = AKRT_RUN_COLUMNS(w->size_y, w->stride_y), step = w->stride_y;
    for (int32_t c = 0; c < 8; c++) {
        akrt_mid *const to = mid + AKRT_MID_AT(c, 0);
        const uint32_t *line = words;
        const int32_t bits = 4 * c;
        int32_t s0, s1, s2, s3, s4, s5;
        AKRT_RUN_EACH(AKRT_SET_SUM)
        for (int32_t i = 0; i < w->size_x; i++) {
            for (int32_t j = 0; j < w->size_y; j++) {
                const int32_t weight = *weights++;
                const uint32_t *a = line + j;
                AKRT_RUN_EACH(AKRT_ADD_TAP)
            }
            line += columns;
        }
        AKRT_RUN_EACH(AKRT_PUT_SUM)
    }
}

/* Weights are (channels, taps), with zeros up to AKRT_MID_CHANNELS. words: size_x * columns. */
static void akrt_depthwise_run(const akrt_mcu_layer *layer, const void *const *lines, int32_t y,
                               uint32_t *words, akrt_mid *mid) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t octets = AKRT_LINE_WORDS(w->channels), taps = w->size_x * w->size_y;
    const int32_t columns = AKRT_RUN_COLUMNS(w->size_y, w->stride_y);
    const int32_t from = y * w->stride_y - w->pad_y;
    const int8_t *weights = (const int8_t *)layer->depthwise;
    int32_t done = 0;
    for (int32_t octet = 0; octet < octets; octet++) {
        uint32_t *to = words;
        for (int32_t i = 0; i < w->size_x; i++) {
            const uint32_t *const line = (const uint32_t *)lines[i];
            for (int32_t v = from; v < from + columns; v++) {
                *to++ = akrt_line_word(line, v, w->in_y, octets, octet);
            }
        }
        akrt_depthwise_octet(w, words, weights, mid + AKRT_MID_AT(8 * octet, 0));
        weights += 8 * taps;
        AKRT_TICK_WORK(done, 8 * taps);
    }
}
#undef AKRT_SET_SUM
#undef AKRT_ADD_TAP
#undef AKRT_PUT_SUM
#endif
#endif
