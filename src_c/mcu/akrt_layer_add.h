#ifndef AKRT_LAYER_ADD_H
#define AKRT_LAYER_ADD_H
#include "akrt_activate.h"
/* Two tensors of one shape, added element by element. scratch: AKRT_LAYER_ADD_SCRATCH_WORDS. */
#define AKRT_LAYER_ADD_SCRATCH_WORDS(filters) ((int32_t)(filters))
static void akrt_layer_add(const akrt_mcu_layer *layer, const uint8_t *first, const uint8_t *second,
                           void *output, int32_t *scratch) {
    const int32_t filters = layer->filters;
    const int32_t elements = layer->conv.out_x * layer->conv.out_y * filters;
    for (int32_t at = 0; at < elements; at += filters) {
        for (int32_t f = 0; f < filters; f++) {
            scratch[f] = (int32_t)first[at + f] + second[at + f];
            AKRT_TICK_AT(f);
        }
        akrt_activate(layer, scratch, at, output);
        AKRT_TICK();
    }
}
#endif
