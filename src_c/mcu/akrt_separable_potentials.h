#ifndef AKRT_SEPARABLE_POTENTIALS_H
#define AKRT_SEPARABLE_POTENTIALS_H
#include "akrt_tick.h"
#include "akrt_weight.h"
/* Potentials of all filters of a separable convolution at output position (x, y). `mid` holds one
 * depthwise result a channel. */
static void akrt_separable_potentials(const akrt_mcu_layer *layer, const uint8_t *input, int32_t x,
                                      int32_t y, int32_t *mid, int32_t *potentials) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t from_x = x * w->stride_x - w->pad_x;
    const int32_t from_y = y * w->stride_y - w->pad_y;
    int32_t done = 0;
    for (int32_t c = 0; c < w->channels; c++) {
        mid[c] = 0;
        AKRT_TICK_AT(c);
    }
    for (int32_t i = 0; i < w->size_x; i++) {
        for (int32_t j = 0; j < w->size_y; j++) {
            const int32_t u = from_x + i, v = from_y + j;
            if (u >= 0 && u < w->in_x && v >= 0 && v < w->in_y) {
                const uint8_t *a = input + (u * w->in_y + v) * w->channels;
                const int32_t at = (i * w->size_y + j) * w->channels;
                for (int32_t c = 0; c < w->channels; c++) {
                    mid[c] += a[c] * akrt_weight((const uint8_t *)layer->depthwise,
                                                 layer->weights_bits, at + c);
                    AKRT_TICK_AT(c);
                }
                AKRT_TICK_WORK(done, w->channels);
            }
        }
    }
    for (int32_t f = 0; f < layer->filters; f++) {
        const uint8_t *row = (const uint8_t *)layer->weights + f * layer->row_bytes;
        int32_t sum = 0;
        for (int32_t c = 0; c < w->channels; c++) {
            sum += mid[c] * akrt_weight(row, layer->weights_bits, c);
            AKRT_TICK_AT(c);
        }
        potentials[f] = sum;
        AKRT_TICK_WORK(done, w->channels);
    }
}
#endif
