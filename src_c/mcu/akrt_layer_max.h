#ifndef AKRT_LAYER_MAX_H
#define AKRT_LAYER_MAX_H
#include "akrt_activate.h"
#include "akrt_saturate.h"
/* A convolution with max pooling of saturated potentials; padding never wins. Where windows
 * overlap, potentials are computed again: time for memory.
 * scratch: AKRT_LAYER_MAX_SCRATCH_WORDS, `mids` being the channels of a separable one. */
#define AKRT_LAYER_MAX_SCRATCH_WORDS(mids, filters) ((int32_t)(mids) + 2 * (int32_t)(filters))
AKRT_LAYER static void akrt_layer_max(const akrt_mcu_layer *layer, akrt_potentials compute,
                                      int32_t mids, const uint8_t *input, void *output,
                                      int32_t *scratch) {
    const akrt_mcu_window *w = &layer->pool;
    int32_t *potentials = scratch + mids, *largest = potentials + layer->filters;
    int32_t at = 0;
    for (int32_t x = 0; x < w->out_x; x++) {
        for (int32_t y = 0; y < w->out_y; y++) {
            const int32_t from_x = x * w->stride_x - w->pad_x;
            const int32_t from_y = y * w->stride_y - w->pad_y;
            for (int32_t f = 0; f < layer->filters; f++) {
                largest[f] = AKRT_POTENTIAL_MIN;
                AKRT_TICK_AT(f);
            }
            for (int32_t i = from_x; i < from_x + w->size_x; i++) {
                for (int32_t j = from_y; j < from_y + w->size_y; j++) {
                    if (i < 0 || i >= w->in_x || j < 0 || j >= w->in_y) {
                        continue;
                    }
                    compute(layer, input, i, j, scratch, potentials);
                    for (int32_t f = 0; f < layer->filters; f++) {
                        const int32_t p = akrt_saturate(potentials[f]);
                        largest[f] = p > largest[f] ? p : largest[f];
                        AKRT_TICK_AT(f);
                    }
                    AKRT_TICK();
                }
            }
            akrt_activate(layer, largest, at, output);
            at += layer->filters;
        }
    }
}
#endif
