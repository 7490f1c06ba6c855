#ifndef AKRT_AKIDA2_TAPS_H
#define AKRT_AKIDA2_TAPS_H
#include "akrt_akida2_input.h"
#include "akrt_tick.h"
/* Adds what the channels of one position, or of the border where it is NULL, give each filter;
 * weights: (channels, filters). */
static void akrt_akida2_taps(const akrt_akida2_layer *layer, const uint8_t *position,
                             const int8_t *weights, int32_t *sums) {
    for (int32_t c = 0; c < layer->conv.channels; c++) {
        const int32_t value = position != NULL        ? akrt_akida2_input(layer, position[c], c)
                              : layer->border != NULL ? layer->border[c]
                                                      : 0;
        for (int32_t f = 0; f < layer->filters && value != 0; f++) {
            sums[f] =
                (int32_t)((uint32_t)sums[f] + (uint32_t)value * (uint32_t)(int32_t)weights[f]);
            AKRT_TICK_AT(f);
        }
        weights += layer->filters;
        AKRT_TICK();
    }
}
#endif
