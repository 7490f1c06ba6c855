#ifndef AKRT_LAYER_DENSE_H
#define AKRT_LAYER_DENSE_H
#include "akrt_activate.h"
#include "akrt_dot.h"
#include "akrt_saturate.h"
/* A fully connected layer; weight rows are in the order of the input in memory, (X, Y, C).
 * scratch: AKRT_LAYER_DENSE_SCRATCH_WORDS. */
#define AKRT_LAYER_DENSE_SCRATCH_WORDS(filters) ((int32_t)(filters))
static void akrt_layer_dense(const akrt_mcu_layer *layer, const uint8_t *input, void *output,
                             int32_t *scratch) {
    const int32_t inputs = layer->conv.in_x * layer->conv.in_y * layer->conv.channels;
    const uint8_t *weights = (const uint8_t *)layer->weights;
    int32_t done = 0;
    for (int32_t f = 0; f < layer->filters; f++) {
        scratch[f] = akrt_saturate(
            akrt_dot(input, weights + f * layer->row_bytes, layer->weights_bits, 0, inputs));
        AKRT_TICK_WORK(done, inputs);
    }
    akrt_activate(layer, scratch, 0, output);
}
#endif
