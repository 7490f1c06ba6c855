#ifndef AKRT_AKIDA2_CHANNELS_H
#define AKRT_AKIDA2_CHANNELS_H
#include "akrt_akida2_input.h"
#include "akrt_tick.h"
/* Adds to each channel's sum what it has at one position; weights: (channels). */
static void akrt_akida2_channels(const akrt_akida2_layer *layer, const uint8_t *position,
                                 const int8_t *weights, int32_t *sums) {
    for (int32_t c = 0; c < layer->conv.channels; c++) {
        const int32_t value = akrt_akida2_input(layer, position[c], c);
        sums[c] = (int32_t)((uint32_t)sums[c] + (uint32_t)value * (uint32_t)(int32_t)weights[c]);
        AKRT_TICK_AT(c);
    }
}
#endif
