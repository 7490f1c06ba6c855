#ifndef AKRT_CONV_LINES_LONG_H
#define AKRT_CONV_LINES_LONG_H
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
        const int32_t most = (int32_t)*weights++;
        int32_t adds = 0;
        while (next.i < w->size_x) {
            uint64_t start[AKRT_RUN / 2];
            const int32_t inputs = akrt_patch_run(w, lines, y, count, most, &next, patch, start);
            const akrt_product_run of = {
                patch, start, inputs, all - inputs, filters * (int32_t)sizeof *potentials, adds++};
            for (int32_t f = 0; f < filters; f += AKRT_PRODUCT_FILTERS) {
                const int32_t left = filters - f;
                akrt_product_filters(&of, weights + (f >> 1) * (all >> 2), count,
                                     left < AKRT_PRODUCT_FILTERS ? left : AKRT_PRODUCT_FILTERS,
                                     potentials + f);
                AKRT_TICK_WORK(done, AKRT_PRODUCT_FILTERS * inputs);
            }
            weights += inputs >> 2;
        }
        akrt_emit(layer, potentials, filters, 0, layer->filters, y, count, target);
        AKRT_TICK();
    }
}
#endif
