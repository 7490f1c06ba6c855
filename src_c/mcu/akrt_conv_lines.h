#ifndef AKRT_CONV_LINES_H
#define AKRT_CONV_LINES_H
#include "akrt_lines.h"
#if AKRT_MVE
#include "akrt_conv_lines_mve.h"
#endif
#if !AKRT_MVE
#include "akrt_emit.h"
#include "akrt_product.h"
#include "akrt_product_long.h"
/* A convolution of activations, a line of the output at a time: akrt_product.h. The inputs of a
 * window are (size_x, size_y, channels), channels filled up with zeros to a multiple of 4.
 * scratch: AKRT_CONV_LINES_SCRATCH_WORDS. */
#define AKRT_CONV_LINES_SCRATCH_WORDS(taps, channels, filters)                                     \
    (AKRT_PRODUCT_WORDS((taps) * (((int32_t)(channels) + 3) & ~3)) + AKRT_RUN_POTENTIALS(filters))

/* Where in their windows the next inputs lie: eight channels at a tap. */
typedef struct akrt_octet {
    int32_t i, j, word;
} akrt_octet;

#if AKRT_LONG_MLA
typedef uint32_t akrt_product_patch; /* (inputs, 2 or 3): two positions to a word */

/* The next inputs of the windows of a run, at most `most`, as a patch, and where the sums of their
 * products start. Returns how many there are, a multiple of 4. */
static int32_t akrt_patch_run(const akrt_mcu_window *w, const void *const *lines, int32_t y,
                              int32_t count, int32_t most, akrt_octet *next,
                              akrt_product_patch *patch, uint64_t *start) {
    const int32_t words = AKRT_LINE_WORDS(w->channels), pairs = (count + 1) >> 1;
    const int32_t apart = pairs == 3 ? 3 : 2;
    const int32_t last = ((w->channels - 1) & 7) < 4 ? 4 : 8;
    uint32_t sums[AKRT_RUN / 2] = {0, 0, 0};
    akrt_octet at = *next;
    int32_t inputs = 0;
    while (at.i < w->size_x && inputs + 8 <= most) {
        const uint32_t *const line = (const uint32_t *)lines[at.i];
        int32_t v = y * w->stride_y - w->pad_y + at.j;
        /* the rest of the line's taps lie one behind the other, if none is beyond the edges */
        const int32_t room =
            line == NULL || v < 0 ? 0 : w->in_y - v - (2 * pairs - 1) * w->stride_y;
        const int32_t taps = last == 8 && room >= w->size_y - at.j ? w->size_y - at.j : 1;
        int32_t octets = taps * words - at.word;
        if (8 * octets > most - inputs) {
            octets = (most - inputs) >> 3;
        }
        if (room > 0) {
            akrt_patch_octets(line + v * words + at.word, w->stride_y * words, octets, pairs, patch,
                              sums);
        } else {
            uint32_t column[AKRT_RUN];
            octets = 1;
            for (int32_t p = 0; p < 2 * pairs; p++) {
                column[p] = akrt_line_word(line, v, w->in_y, words, at.word);
                v += w->stride_y;
            }
            akrt_patch_octets(column, 1, 1, pairs, patch, sums);
        }
        patch += 8 * apart * octets;
        inputs += 8 * octets;
        at.word += octets;
        for (; at.word >= words; at.word -= words) {
            at.j++;
            patch -= apart * (8 - last);
            inputs -= 8 - last;
        }
        if (at.j == w->size_y) {
            at.j = 0;
            at.i++;
        }
    }
    *next = at;
    for (int32_t p = 0; p < pairs; p++) {
        start[p] = akrt_product_start(sums[p]);
    }
    return inputs;
}

#define AKRT_PRODUCT_FILTERS 64 /* without a tick between them */
/* Adds the products of an even number of filters to the potentials of a run. */
static inline void akrt_product_filters(const akrt_product_run *run, const uint32_t *weights,
                                        int32_t count, int32_t filters, int32_t *to) {
    if (count > 4) {
        akrt_product_six(run, weights, filters >> 1, to);
    } else if (count > 2) {
        akrt_product_four(run, weights, filters >> 1, to);
    } else {
        akrt_product_two(run, weights, filters >> 1, to);
    }
}
#else
typedef uint8_t akrt_product_patch; /* (inputs, AKRT_RUN) */

/* The next inputs of the windows of a run, at most AKRT_PRODUCT_TAPS, as a patch. Returns how many
 * there are, a multiple of 4. */
static int32_t akrt_patch_run(const akrt_mcu_window *w, const void *const *lines, int32_t y,
                              int32_t count, akrt_octet *next, akrt_product_patch *patch) {
    const int32_t words = AKRT_LINE_WORDS(w->channels);
    const int32_t left = w->channels & 7;
    int32_t inputs = 0;
    while (next->i < w->size_x && inputs + 8 <= AKRT_PRODUCT_TAPS) {
        const uint32_t *const line = (const uint32_t *)lines[next->i];
        const int32_t some = next->word + 1 < words || left == 0 || left > 4 ? 8 : 4;
        uint32_t octets[AKRT_RUN];
        int32_t v = y * w->stride_y - w->pad_y + next->j;
        for (int32_t p = 0; p < AKRT_RUN; p++) {
            octets[p] = p < count ? akrt_line_word(line, v, w->in_y, words, next->word) : 0;
            v += w->stride_y;
        }
        for (int32_t c = 0; c < some; c++) {
            for (int32_t p = 0; p < AKRT_RUN; p++) {
                *patch++ = (akrt_product_patch)(octets[p] & 15u);
                octets[p] >>= 4;
            }
        }
        inputs += some;
        if (++next->word == words) {
            next->word = 0;
            if (++next->j == w->size_y) {
                next->j = 0;
                next->i++;
            }
        }
    }
    return inputs;
}

#if AKRT_RUN > 4
#define AKRT_PRODUCT_MORE                                                                          \
    s4 += a[4] * u;                                                                                \
    s5 += a[5] * u;
#else
#define AKRT_PRODUCT_MORE
#endif
#define AKRT_PRODUCT_TAP                                                                           \
    do {                                                                                           \
        const uint32_t u = word & AKRT_PRODUCT_MASK;                                               \
        s0 += a[0] * u;                                                                            \
        s1 += a[1] * u;                                                                            \
        s2 += a[2] * u;                                                                            \
        s3 += a[3] * u;                                                                            \
        AKRT_PRODUCT_MORE                                                                          \
        word >>= 4;                                                                                \
        a += AKRT_RUN;                                                                             \
    } while (0)
/* Sums of a run for a pair of filters over quads of inputs. */
AKRT_IN_ORDER static void akrt_product_quads(const uint8_t *a, const uint32_t *weights,
                                             int32_t quads, uint32_t *sums) {
    const uint32_t *const end = weights + quads;
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#if AKRT_RUN > 4
    uint32_t s4 = 0, s5 = 0;
#endif
    do {
        uint32_t word = *weights++;
        AKRT_PRODUCT_TAP;
        AKRT_PRODUCT_TAP;
        AKRT_PRODUCT_TAP;
        AKRT_PRODUCT_TAP;
    } while (weights != end);
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
#if AKRT_RUN > 4
    sums[4] = s4;
    sums[5] = s5;
#endif
}
#undef AKRT_PRODUCT_TAP
#undef AKRT_PRODUCT_MORE

static void akrt_patch_start(const uint8_t *patch, int32_t inputs, uint32_t *start) {
    for (int32_t p = 0; p < AKRT_RUN; p++) {
        uint32_t sum = 0;
        for (int32_t k = 0; k < inputs; k++) {
            sum += patch[AKRT_RUN * k + p];
        }
        start[p] = 8 * sum;
    }
}

/* Adds the sums of a pair of filters, less where they started, to the potentials of a run. */
static inline void akrt_product_pair(const uint8_t *patch, const uint32_t *weights, int32_t quads,
                                     const uint32_t *start, int32_t count, int32_t filters,
                                     int32_t *to) {
    uint32_t sums[AKRT_RUN];
    akrt_product_quads(patch, weights, quads, sums);
    for (int32_t p = 0; p < count; p++) {
        to[0] += (int32_t)((sums[p] & 0xffffu) - start[p]);
        to[1] += (int32_t)((sums[p] >> 16) - start[p]);
        to += filters;
    }
}
#endif

AKRT_LAYER static void akrt_conv_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                       void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = AKRT_RUN_FILTERS(layer->filters), run = akrt_run_length(w->out_y);
    const int32_t all = w->size_x * w->size_y * ((w->channels + 3) & ~3);
    akrt_product_patch *const patch = (akrt_product_patch *)scratch;
    int32_t *const potentials = scratch + AKRT_PRODUCT_WORDS(all);
    int32_t done = 0;
    for (int32_t y = 0; y < w->out_y; y += run) {
        const int32_t count = w->out_y - y < run ? w->out_y - y : run;
        const uint32_t *weights = (const uint32_t *)layer->weights;
        akrt_octet next = {0, 0, 0};
#if AKRT_LONG_MLA
        const int32_t most = (int32_t)*weights++;
        int32_t adds = 0;
#else
        memset(potentials, 0, (size_t)AKRT_RUN_POTENTIALS(filters) * sizeof *potentials);
#endif
        while (next.i < w->size_x) {
#if AKRT_LONG_MLA
            uint64_t start[AKRT_RUN / 2];
            const int32_t inputs = akrt_patch_run(w, lines, y, count, most, &next, patch, start);
#else
            uint32_t start[AKRT_RUN];
            const int32_t inputs = akrt_patch_run(w, lines, y, count, &next, patch);
            akrt_patch_start(patch, inputs, start);
#endif
#if AKRT_LONG_MLA
            const akrt_product_run of = {
                patch, start, inputs, all - inputs, filters * (int32_t)sizeof *potentials, adds++};
            for (int32_t f = 0; f < filters; f += AKRT_PRODUCT_FILTERS) {
                const int32_t left = filters - f;
                akrt_product_filters(&of, weights + (f >> 1) * (all >> 2), count,
                                     left < AKRT_PRODUCT_FILTERS ? left : AKRT_PRODUCT_FILTERS,
                                     potentials + f);
                AKRT_TICK_WORK(done, AKRT_PRODUCT_FILTERS * inputs);
            }
#else
            for (int32_t f = 0; f < filters; f += 2) {
                akrt_product_pair(patch, weights + (f >> 1) * (all >> 2), inputs >> 2, start, count,
                                  filters, potentials + f);
                AKRT_TICK_WORK(done, inputs);
            }
#endif
            weights += inputs >> 2;
        }
        akrt_emit(layer, potentials, filters, 0, layer->filters, y, count, target);
        AKRT_TICK();
    }
}
#endif
#endif
