#ifndef AKRT_CONV_LINES_H
#define AKRT_CONV_LINES_H
#include "akrt_emit.h"
#include "akrt_product.h"
/* A convolution of activations, a line of the output at a time: akrt_product.h. The inputs of a
 * window are (size_x, size_y, channels), channels filled up with zeros to a multiple of 4.
 * scratch: AKRT_CONV_LINES_SCRATCH_WORDS, `inputs` being such ones. */
#define AKRT_CONV_LINES_SCRATCH_WORDS(inputs, filters)                                             \
    (AKRT_PRODUCT_WORDS(inputs) + AKRT_RUN_POTENTIALS(filters))

#if !AKRT_LONG_MLA
#include "akrt_conv_lines_halves.h"
#endif

#if AKRT_LONG_MLA
typedef uint32_t akrt_product_patch; /* (inputs, 3): two positions to a word */

/* Where in their windows the next inputs lie: eight channels at a tap. */
typedef struct akrt_octet {
    int32_t i, j, word;
} akrt_octet;

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
            for (int32_t p = 0; p < AKRT_RUN; p += 2) {
                *patch++ = (octets[p] & 15u) | (octets[p + 1] & 15u) << 14;
                octets[p] >>= 4;
                octets[p + 1] >>= 4;
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

/* Sums of 2 * `words` positions for a pair of filters over quads of inputs. */
#define AKRT_PRODUCT_TAP(at, u)                                                                    \
    do {                                                                                           \
        s0 += (uint64_t)patch[at] * (u);                                                           \
        if (words > 1) {                                                                           \
            s1 += (uint64_t)patch[(at) + 1] * (u);                                                 \
        }                                                                                          \
        if (words > 2) {                                                                           \
            s2 += (uint64_t)patch[(at) + 2] * (u);                                                 \
        }                                                                                          \
    } while (0)
static inline void akrt_product_quads(const uint32_t *patch, const uint32_t *weights, int32_t quads,
                                      int32_t words, uint64_t *sums) {
    const uint32_t *const end = weights + quads;
    uint64_t s0 = 0, s1 = 0, s2 = 0;
    do {
        const uint32_t word = *weights++;
        AKRT_PRODUCT_TAP(0, word & AKRT_PRODUCT_MASK);
        AKRT_PRODUCT_TAP(3, akrt_rotated(word, 8) & AKRT_PRODUCT_MASK);
        AKRT_PRODUCT_TAP(6, akrt_rotated(word, 16) & AKRT_PRODUCT_MASK);
        AKRT_PRODUCT_TAP(9, akrt_rotated(word, 24) & AKRT_PRODUCT_MASK);
        patch += 12;
    } while (weights != end);
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
}
#undef AKRT_PRODUCT_TAP

AKRT_IN_ORDER static void akrt_product_six(const uint32_t *patch, const uint32_t *weights,
                                           int32_t quads, uint64_t *sums) {
    akrt_product_quads(patch, weights, quads, 3, sums);
}

AKRT_IN_ORDER static void akrt_product_four(const uint32_t *patch, const uint32_t *weights,
                                            int32_t quads, uint64_t *sums) {
    akrt_product_quads(patch, weights, quads, 2, sums);
}

AKRT_IN_ORDER static void akrt_product_two(const uint32_t *patch, const uint32_t *weights,
                                           int32_t quads, uint64_t *sums) {
    akrt_product_quads(patch, weights, quads, 1, sums);
}

/* Adds the sums of a pair of filters, less where they started, to the potentials of a run. */
static inline void akrt_product_pair(const uint32_t *patch, const uint32_t *weights, int32_t quads,
                                     const uint32_t *start, int32_t count, int32_t filters,
                                     int32_t *to) {
    uint64_t both[AKRT_RUN / 2];
    const uint64_t *sums = both;
    if (count > 4) {
        akrt_product_six(patch, weights, quads, both);
    } else if (count > 2) {
        akrt_product_four(patch, weights, quads, both);
    } else {
        akrt_product_two(patch, weights, quads, both);
    }
    for (int32_t p = 0; p < count; p += 2) {
        const uint32_t low = (uint32_t)*sums, high = (uint32_t)(*sums >> 28);
        to[0] += (int32_t)((low & 0x3fffu) - start[p]);
        to[1] += (int32_t)((high & 0x3fffu) - start[p]);
        to[filters] += (int32_t)((low >> 14 & 0x3fffu) - start[p + 1]);
        to[filters + 1] += (int32_t)((high >> 14 & 0x3fffu) - start[p + 1]);
        to += 2 * filters;
        sums++;
    }
}

/* Eight times the sums of a run's inputs. */
static void akrt_patch_start(const uint32_t *patch, int32_t inputs, uint32_t *start) {
    uint32_t s0 = 0, s1 = 0, s2 = 0;
    for (int32_t k = 0; k < inputs; k++) {
        s0 += patch[0];
        s1 += patch[1];
        s2 += patch[2];
        patch += 3;
    }
    start[0] = (s0 & 0x3fffu) * 8;
    start[1] = (s0 >> 14) * 8;
    start[2] = (s1 & 0x3fffu) * 8;
    start[3] = (s1 >> 14) * 8;
    start[4] = (s2 & 0x3fffu) * 8;
    start[5] = (s2 >> 14) * 8;
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
        memset(potentials, 0, (size_t)AKRT_RUN_POTENTIALS(filters) * sizeof *potentials);
        while (next.i < w->size_x) {
            const int32_t inputs = akrt_patch_run(w, lines, y, count, &next, patch);
            uint32_t start[AKRT_RUN];
            akrt_patch_start(patch, inputs, start);
            for (int32_t f = 0; f < filters; f += 2) {
                akrt_product_pair(patch, weights + (f >> 1) * (all >> 2), inputs >> 2, start, count,
                                  filters, potentials + f);
                AKRT_TICK_WORK(done, inputs);
            }
            weights += inputs >> 2;
        }
        akrt_emit(layer, potentials, filters, 0, layer->filters, y, count, target);
        AKRT_TICK();
    }
}
#endif
#endif
