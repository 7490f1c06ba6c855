#ifndef AKRT_BYTES_LINES_LONG_H
#define AKRT_BYTES_LINES_LONG_H
#include "akrt_bytes_long.h"
#include "akrt_bytes_pairs.h"
#include "akrt_emit.h"
#include "akrt_runs.h"
#include "akrt_tap_source.h"
/* A convolution of bytes, (Y, C) to a line, with weights of 8 bits, a line of the output at a time.
 * scratch: AKRT_BYTES_LINES_SCRATCH_WORDS. */
#define AKRT_BYTES_LINES_SCRATCH_WORDS(inputs, filters)                                            \
    (AKRT_BYTES_WORDS(inputs) + AKRT_RUN_POTENTIALS(filters))

/* Weights are (filters, inputs), inputs filled up with zeros to a multiple of 4; the second and
 * third of four are swapped. */

#define AKRT_BYTES_FILTERS 64 /* without a tick between them */

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
        for (int32_t first = 0; first < inputs; first += AKRT_BYTES_TAPS) {
            const int32_t end = inputs - first < AKRT_BYTES_TAPS ? inputs : first + AKRT_BYTES_TAPS;
            const int32_t quads = (end - first + 3) >> 2;
            const int8_t *weights = (const int8_t *)layer->weights + first;
            const akrt_bytes_run of = {patch, 4 * quads, all - 4 * quads,
                                       filters * (int32_t)sizeof *potentials, first == 0};
            akrt_patch_bytes(w, lines, border, y, count, first, end, patch);
            for (int32_t f = 0; f < layer->filters; f += AKRT_BYTES_FILTERS) {
                const int32_t left = layer->filters - f;
                akrt_bytes_filters(&of, weights + f * all, count,
                                   left < AKRT_BYTES_FILTERS ? left : AKRT_BYTES_FILTERS,
                                   potentials + f);
                AKRT_TICK_WORK(done, AKRT_BYTES_FILTERS * (end - first));
            }
        }
        akrt_emit(layer, potentials, filters, 0, layer->filters, y, count, target);
        AKRT_TICK();
    }
}
#endif
