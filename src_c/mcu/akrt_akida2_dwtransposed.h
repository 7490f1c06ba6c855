#ifndef AKRT_AKIDA2_DWTRANSPOSED_H
#define AKRT_AKIDA2_DWTRANSPOSED_H
#include "akrt_akida2_channels.h"
#include "akrt_akida2_painted.h"
/* The same of each channel with its own kernel; weights: (size_x, size_y, channels). */
static void akrt_akida2_dwtransposed(const akrt_akida2_layer *layer, const uint8_t *input,
                                     int32_t x, int32_t y, int32_t *sums) {
    akrt_akida2_painted(layer, akrt_akida2_channels, layer->conv.channels, input, x, y, sums);
}
#endif
