#ifndef AKRT_CONV_POTENTIALS_H
#define AKRT_CONV_POTENTIALS_H
#include "akrt_dot.h"
/* Potentials of all filters of a plain convolution at output position (x, y). `mid` is unused. */
static void akrt_conv_potentials(const akrt_mcu_layer *layer, const uint8_t *input, int32_t x,
                                 int32_t y, int32_t *mid, int32_t *potentials) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t from_x = x * w->stride_x - w->pad_x;
    const int32_t from_y = y * w->stride_y - w->pad_y;
    int32_t done = 0;
    (void)mid;
    for (int32_t f = 0; f < layer->filters; f++) {
        const uint8_t *row = (const uint8_t *)layer->weights + f * layer->row_bytes;
        int32_t sum = 0, at = 0;
        for (int32_t i = from_x; i < from_x + w->size_x; i++) {
            for (int32_t j = from_y; j < from_y + w->size_y; j++) {
                if (i >= 0 && i < w->in_x && j >= 0 && j < w->in_y) {
                    sum += akrt_dot(input + (i * w->in_y + j) * w->channels, row,
                                    layer->weights_bits, at, w->channels);
                } else if (layer->border != 0) {
                    for (int32_t c = 0; c < w->channels; c++) {
                        sum += layer->border * akrt_weight(row, layer->weights_bits, at + c);
                        AKRT_TICK_AT(c);
                    }
                }
                at += w->channels;
                AKRT_TICK_WORK(done, w->channels);
            }
        }
        potentials[f] = sum;
    }
}
#endif
