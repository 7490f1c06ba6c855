#ifndef AKRT_AKIDA2_STEPS_H
#define AKRT_AKIDA2_STEPS_H
#include "akrt_akida2_input.h"
#include "akrt_tick.h"
/* Sums of a depthwise convolution over time at position (x, y), which saturate at every step;
 * weights: (steps, channels). */
static void akrt_akida2_steps(const akrt_akida2_layer *layer, const uint8_t *input, int32_t x,
                              int32_t y, int32_t *sums) {
    const akrt_mcu_window *w = &layer->conv;
    const int8_t *weights = layer->weights;
    memset(sums, 0, (size_t)layer->filters * sizeof *sums);
    for (int32_t i = 0; i < w->size_x; i++) {
        const uint8_t *const then = input + ((x * w->stride_x + i) * w->in_y + y) * w->channels;
        for (int32_t c = 0; c < w->channels; c++) {
            const int64_t product = (int64_t)akrt_akida2_input(layer, then[c], c) * *weights++;
            sums[c] = akrt_akida2_saturate(sums[c] + product, layer->buffer_bits);
            AKRT_TICK_AT(c);
        }
        AKRT_TICK();
    }
}
#endif
