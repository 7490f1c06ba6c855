#ifndef AKRT_RUNS_PLAIN_H
#define AKRT_RUNS_PLAIN_H
#include "akrt_runs.h"
/* A layer without pooling. scratch: AKRT_RUNS_PLAIN_SCRATCH_WORDS, `words` being those of
 * `compute`. */
#define AKRT_RUNS_PLAIN_SCRATCH_WORDS(words, filters) ((words) + AKRT_RUN_POTENTIALS(filters))
AKRT_LAYER static void akrt_runs_plain(const akrt_mcu_layer *layer, akrt_run compute, int32_t words,
                                       const uint8_t *input, void *output, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t run = akrt_run_length(w->out_y), filters = AKRT_RUN_FILTERS(layer->filters);
    int32_t *potentials = scratch + words;
    int32_t at = 0;
    for (int32_t x = 0; x < w->out_x; x++) {
        for (int32_t y = 0; y < w->out_y; y += run) {
            const int32_t count = w->out_y - y < run ? w->out_y - y : run;
            compute(layer, input, x, y, count, scratch, potentials);
            for (int32_t p = 0; p < count; p++) {
                akrt_activate(layer, potentials + p * filters, at, output);
                at += layer->filters;
            }
            AKRT_TICK();
        }
    }
}
#endif
