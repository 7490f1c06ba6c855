#ifndef AKRT_RUNS_MAX_H
#define AKRT_RUNS_MAX_H
#include "akrt_runs.h"
#include "akrt_saturate.h"
/* Max pooling of saturated potentials; padding never wins. A run holds the columns of as many
 * windows as it can, at least one. Where windows overlap, potentials are computed again.
 * scratch: AKRT_RUNS_MAX_SCRATCH_WORDS, `words` being those of `compute`. */
#define AKRT_RUNS_MAX_SCRATCH_WORDS(words, filters) ((words) + 2 * AKRT_RUN_POTENTIALS(filters))
AKRT_LAYER static void akrt_runs_max(const akrt_mcu_layer *layer, akrt_run compute, int32_t words,
                                     const uint8_t *input, void *output, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->pool;
    const int32_t filters = layer->filters, stride = AKRT_RUN_FILTERS(filters);
    const int32_t most = (AKRT_RUN - w->size_y) / w->stride_y + 1;
    int32_t *potentials = scratch + words, *largest = potentials + AKRT_RUN * stride;
    int32_t at = 0;
    for (int32_t x = 0; x < w->out_x; x++) {
        for (int32_t y = 0; y < w->out_y; y += most) {
            const int32_t windows = w->out_y - y < most ? w->out_y - y : most;
            const int32_t from_x = x * w->stride_x - w->pad_x;
            const int32_t from_y = y * w->stride_y - w->pad_y;
            const int32_t end_y = from_y + (windows - 1) * w->stride_y + w->size_y;
            const int32_t first = from_y < 0 ? 0 : from_y;
            const int32_t count = (end_y > w->in_y ? w->in_y : end_y) - first;
            for (int32_t f = 0; f < windows * filters; f++) {
                largest[f] = AKRT_POTENTIAL_MIN;
                AKRT_TICK_AT(f);
            }
            for (int32_t i = from_x < 0 ? 0 : from_x; i < from_x + w->size_x && i < w->in_x; i++) {
                compute(layer, input, i, first, count, scratch, potentials);
                for (int32_t j = first; j < first + count; j++) {
                    const int32_t *p = potentials + (j - first) * stride;
                    for (int32_t v = 0; v < windows; v++) {
                        const int32_t column = j - from_y - v * w->stride_y;
                        if (column < 0 || column >= w->size_y) {
                            continue;
                        }
                        for (int32_t f = 0; f < filters; f++) {
                            const int32_t saturated = akrt_saturate(p[f]);
                            int32_t *const best = &largest[v * filters + f];
                            *best = saturated > *best ? saturated : *best;
                            AKRT_TICK_AT(f);
                        }
                    }
                }
                AKRT_TICK();
            }
            for (int32_t v = 0; v < windows; v++) {
                akrt_activate(layer, largest + v * filters, at, output);
                at += filters;
            }
        }
    }
}
#endif
