#ifndef AKRT_LAYER_PLAIN_H
#define AKRT_LAYER_PLAIN_H
#include "akrt_activate.h"
/* A convolution without pooling. scratch: AKRT_LAYER_PLAIN_SCRATCH_WORDS, `mids` being the channels
 * of a separable one. */
#define AKRT_LAYER_PLAIN_SCRATCH_WORDS(mids, filters) ((int32_t)(mids) + (int32_t)(filters))
AKRT_LAYER static void akrt_layer_plain(const akrt_mcu_layer *layer, akrt_potentials compute,
                                        int32_t mids, const uint8_t *input, void *output,
                                        int32_t *scratch) {
    int32_t at = 0;
    for (int32_t x = 0; x < layer->conv.out_x; x++) {
        for (int32_t y = 0; y < layer->conv.out_y; y++) {
            compute(layer, input, x, y, scratch, scratch + mids);
            akrt_activate(layer, scratch + mids, at, output);
            at += layer->filters;
            AKRT_TICK();
        }
    }
}
#endif
