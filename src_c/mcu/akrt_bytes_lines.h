#ifndef AKRT_BYTES_LINES_H
#define AKRT_BYTES_LINES_H
#include "akrt_lines.h"
#if AKRT_MVE
#include "akrt_bytes_lines_mve.h"
#endif
#if !AKRT_MVE
#include "akrt_bytes_long.h"
#include "akrt_emit.h"
#include "akrt_runs.h"
#include "akrt_tap_source.h"
/* A convolution of bytes, (Y, C) to a line, with weights of 8 bits, a line of the output at a time.
 * scratch: AKRT_BYTES_LINES_SCRATCH_WORDS. */
#define AKRT_BYTES_LINES_SCRATCH_WORDS(inputs, filters)                                            \
    (AKRT_BYTES_WORDS(inputs) + AKRT_RUN_POTENTIALS(filters))

/* Weights are (filters, inputs), inputs filled up with zeros to a multiple of 4; the second and
 * third of four are swapped. */
#if !AKRT_LONG_MLA
#define AKRT_BYTES_TAPS 72
/* (inputs, positions) */
#define AKRT_BYTES_WORDS(inputs)                                                                   \
    (AKRT_RUN *                                                                                    \
         ((int32_t)(inputs) < AKRT_BYTES_TAPS ? ((int32_t)(inputs) + 3) / 4 * 4                    \
                                              : AKRT_BYTES_TAPS) /                                 \
         4 +                                                                                       \
     1)
typedef uint8_t akrt_bytes_patch;

static void akrt_patch_bytes(const akrt_mcu_window *w, const void *const *lines,
                             const uint8_t *border, int32_t y, int32_t count, int32_t first,
                             int32_t end, akrt_bytes_patch *patch) {
    int32_t at = 0;
    for (int32_t k = first; k < end;) {
        const akrt_tap tap = akrt_tap_of(w, k, end);
        int32_t v = y * w->stride_y - w->pad_y + tap.j;
        for (int32_t p = 0; p < count; p++) {
            const akrt_tap_source one = akrt_tap_at(w, lines[tap.i], border, v, tap.channel);
            for (int32_t c = 0; c < tap.count; c++) {
                patch[AKRT_RUN * (at + c) + p] = one.from[c * one.step];
            }
            v += w->stride_y;
        }
        at += tap.count;
        k += tap.count;
    }
    for (; (at & 3) != 0; at++) {
        memset(patch + AKRT_RUN * at, 0, AKRT_RUN * sizeof *patch);
    }
}

#if AKRT_RUN > 4
#define AKRT_BYTES_MORE                                                                            \
    s4 += a[4] * w;                                                                                \
    s5 += a[5] * w;
#else
#define AKRT_BYTES_MORE
#endif
#define AKRT_BYTES_TAP(k)                                                                          \
    do {                                                                                           \
        const int32_t w = weights[k];                                                              \
        s0 += a[0] * w;                                                                            \
        s1 += a[1] * w;                                                                            \
        s2 += a[2] * w;                                                                            \
        s3 += a[3] * w;                                                                            \
        AKRT_BYTES_MORE                                                                            \
        a += AKRT_RUN;                                                                             \
    } while (0)
AKRT_IN_ORDER static void akrt_bytes_quads(const uint8_t *a, const int8_t *weights, int32_t quads,
                                           int32_t *sums) {
    const int8_t *const end = weights + 4 * quads;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#if AKRT_RUN > 4
    int32_t s4 = 0, s5 = 0;
#endif
    do {
        AKRT_BYTES_TAP(0);
        AKRT_BYTES_TAP(2);
        AKRT_BYTES_TAP(1);
        AKRT_BYTES_TAP(3);
        weights += 4;
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
#undef AKRT_BYTES_TAP
#undef AKRT_BYTES_MORE
#endif

AKRT_LAYER static void akrt_bytes_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                        void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = AKRT_RUN_FILTERS(layer->filters), run = akrt_run_length(w->out_y);
    const int32_t inputs = w->size_x * w->size_y * w->channels, all = (inputs + 3) & ~3;
    const uint8_t border = (uint8_t)layer->border;
    akrt_bytes_patch *const patch = (akrt_bytes_patch *)scratch;
    int32_t *const potentials = scratch + AKRT_BYTES_WORDS(inputs);
    int32_t done = 0;
    for (int32_t y = 0; y < w->out_y; y += run) {
        const int32_t count = w->out_y - y < run ? w->out_y - y : run;
        memset(potentials, 0, (size_t)AKRT_RUN_POTENTIALS(filters) * sizeof *potentials);
        for (int32_t first = 0; first < inputs; first += AKRT_BYTES_TAPS) {
            const int32_t end = inputs - first < AKRT_BYTES_TAPS ? inputs : first + AKRT_BYTES_TAPS;
            const int32_t quads = (end - first + 3) >> 2;
            const int8_t *weights = (const int8_t *)layer->weights + first;
#if AKRT_LONG_MLA
            const akrt_bytes_run of = {patch, 4 * quads, all - 4 * quads,
                                       filters * (int32_t)sizeof *potentials};
            akrt_patch_bytes(w, lines, border, y, count, first, end, patch);
            for (int32_t f = 0; f < layer->filters; f += AKRT_BYTES_FILTERS) {
                const int32_t left = layer->filters - f;
                akrt_bytes_filters(&of, weights + f * all, count,
                                   left < AKRT_BYTES_FILTERS ? left : AKRT_BYTES_FILTERS,
                                   potentials + f);
                AKRT_TICK_WORK(done, AKRT_BYTES_FILTERS * (end - first));
            }
#else
            akrt_patch_bytes(w, lines, &border, y, count, first, end, patch);
            for (int32_t f = 0; f < layer->filters; f++) {
                int32_t sums[AKRT_RUN];
                akrt_bytes_quads(patch, weights, quads, sums);
                for (int32_t p = 0; p < count; p++) {
                    int32_t *const to = potentials + p * filters + f;
                    *to += sums[p];
                }
                weights += all;
                AKRT_TICK_WORK(done, end - first);
            }
#endif
        }
        akrt_emit(layer, potentials, filters, 0, layer->filters, y, count, target);
        AKRT_TICK();
    }
}
#endif
#endif
