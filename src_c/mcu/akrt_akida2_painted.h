#ifndef AKRT_AKIDA2_PAINTED_H
#define AKRT_AKIDA2_PAINTED_H
#include "akrt_akida2_layer.h"
/* Adds what one position of the input gives; weights: those that meet it. */
typedef void (*akrt_akida2_gives)(const akrt_akida2_layer *layer, const uint8_t *position,
                                  const int8_t *weights, int32_t *sums);

/* Sums of a transposed convolution with stride 2 at position (x, y): every second row and column of
 * the kernel meets it. pad_x and pad_y are cut off in front. `step`: weights of a tap. */
static void akrt_akida2_painted(const akrt_akida2_layer *layer, akrt_akida2_gives gives,
                                int32_t step, const uint8_t *input, int32_t x, int32_t y,
                                int32_t *sums) {
    const akrt_mcu_window *w = &layer->conv;
    memset(sums, 0, (size_t)layer->filters * sizeof *sums);
    for (int32_t a = (x + w->pad_x) & 1; a < w->size_x; a += 2) {
        const int32_t i = (x + w->pad_x - a) / 2;
        if (x + w->pad_x < a || i >= w->in_x) {
            continue;
        }
        for (int32_t b = (y + w->pad_y) & 1; b < w->size_y; b += 2) {
            const int32_t j = (y + w->pad_y - b) / 2;
            if (y + w->pad_y >= b && j < w->in_y) {
                gives(layer, input + (i * w->in_y + j) * w->channels,
                      layer->weights + (a * w->size_y + b) * step, sums);
            }
        }
    }
}
#endif
