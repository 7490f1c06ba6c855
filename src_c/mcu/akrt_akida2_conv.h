#ifndef AKRT_AKIDA2_CONV_H
#define AKRT_AKIDA2_CONV_H
#include "akrt_akida2_taps.h"
/* Sums of a convolution at position (x, y); weights: (size_x, size_y, channels, filters). */
static void akrt_akida2_conv(const akrt_akida2_layer *layer, const uint8_t *input, int32_t x,
                             int32_t y, int32_t *sums) {
    const akrt_mcu_window *w = &layer->conv;
    const int8_t *weights = layer->weights;
    const int32_t from_x = x * w->stride_x - w->pad_x, from_y = y * w->stride_y - w->pad_y;
    memset(sums, 0, (size_t)layer->filters * sizeof *sums);
    for (int32_t i = from_x; i < from_x + w->size_x; i++) {
        for (int32_t j = from_y; j < from_y + w->size_y; j++) {
            const int inside = i >= 0 && i < w->in_x && j >= 0 && j < w->in_y;
            akrt_akida2_taps(layer, inside ? input + (i * w->in_y + j) * w->channels : NULL,
                             weights, sums);
            weights += w->channels * layer->filters;
        }
    }
}
#endif
