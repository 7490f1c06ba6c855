#ifndef AKRT_LAYER_SUM_H
#define AKRT_LAYER_SUM_H
#include "akrt_activate.h"
#include "akrt_saturate.h"
/* A convolution with global average pooling: a sum over positions, saturated at every addition.
 * scratch: AKRT_LAYER_SUM_SCRATCH_WORDS, `mids` being the channels of a separable one. */
#define AKRT_LAYER_SUM_SCRATCH_WORDS(mids, filters) ((int32_t)(mids) + 2 * (int32_t)(filters))
AKRT_LAYER static void akrt_layer_sum(const akrt_mcu_layer *layer, akrt_potentials compute,
                                      int32_t mids, const uint8_t *input, void *output,
                                      int32_t *scratch) {
    int32_t *potentials = scratch + mids, *sum = potentials + layer->filters;
    for (int32_t f = 0; f < layer->filters; f++) {
        sum[f] = 0;
        AKRT_TICK_AT(f);
    }
    for (int32_t x = 0; x < layer->conv.out_x; x++) {
        for (int32_t y = 0; y < layer->conv.out_y; y++) {
            compute(layer, input, x, y, scratch, potentials);
            for (int32_t f = 0; f < layer->filters; f++) {
                /* |sum| is below 2^20 and |potential| below 2^31 - 2^20 */
                sum[f] = akrt_saturate(sum[f] + potentials[f]);
                AKRT_TICK_AT(f);
            }
            AKRT_TICK();
        }
    }
    akrt_activate(layer, sum, 0, output);
}
#endif
