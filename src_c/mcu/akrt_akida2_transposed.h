#ifndef AKRT_AKIDA2_TRANSPOSED_H
#define AKRT_AKIDA2_TRANSPOSED_H
#include "akrt_akida2_painted.h"
#include "akrt_akida2_taps.h"
/* Sums of a transposed convolution; weights: (size_x, size_y, channels, filters). */
static void akrt_akida2_transposed(const akrt_akida2_layer *layer, const uint8_t *input, int32_t x,
                                   int32_t y, int32_t *sums) {
    akrt_akida2_painted(layer, akrt_akida2_taps, layer->conv.channels * layer->filters, input, x, y,
                        sums);
}
#endif
