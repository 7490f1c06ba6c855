#ifndef AKRT_RUNS_SUM_H
#define AKRT_RUNS_SUM_H
#include "akrt_runs.h"
#include "akrt_saturate.h"
/* Global average pooling: a sum over positions, saturated at every addition.
 * scratch: AKRT_RUNS_SUM_SCRATCH_WORDS, `words` being those of `compute`. */
#define AKRT_RUNS_SUM_SCRATCH_WORDS(words, filters)                                                \
    ((words) + AKRT_RUN_POTENTIALS(filters) + (int32_t)(filters))
AKRT_LAYER static void akrt_runs_sum(const akrt_mcu_layer *layer, akrt_run compute, int32_t words,
                                     const uint8_t *input, void *output, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t run = akrt_run_length(w->out_y), filters = AKRT_RUN_FILTERS(layer->filters);
    int32_t *potentials = scratch + words, *sum = potentials + AKRT_RUN * filters;
    for (int32_t f = 0; f < layer->filters; f++) {
        sum[f] = 0;
        AKRT_TICK_AT(f);
    }
    for (int32_t x = 0; x < w->out_x; x++) {
        for (int32_t y = 0; y < w->out_y; y += run) {
            const int32_t count = w->out_y - y < run ? w->out_y - y : run;
            compute(layer, input, x, y, count, scratch, potentials);
            for (int32_t position = 0; position < count; position++) {
                const int32_t *const p = potentials + position * filters;
                for (int32_t f = 0; f < layer->filters; f++) {
                    /* |sum| is below 2^20 and |potential| below 2^31 - 2^20 */
                    sum[f] = akrt_saturate(sum[f] + p[f]);
                    AKRT_TICK_AT(f);
                }
            }
            AKRT_TICK();
        }
    }
    akrt_activate(layer, sum, 0, output);
}
#endif
