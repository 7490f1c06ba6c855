#ifndef AKRT_AKIDA2_PRODUCTS_H
#define AKRT_AKIDA2_PRODUCTS_H
#include "akrt_akida2_dots.h"
#include "akrt_akida2_emit_sums.h"
#include "akrt_akida2_window.h"
/* A convolution of Akida 2.0 without pooling, or a dense layer, of bytes that are not shifted: two
 * positions at a time. One of 1x1 and stride 1 may write over its input where it has no more
 * filters than channels. scratch: AKRT_AKIDA2_PRODUCTS_SCRATCH_WORDS, `inputs` being those of a
 * window. */
#define AKRT_AKIDA2_PRODUCTS_SCRATCH_WORDS(inputs, filters)                                        \
    (2 * (int32_t)(filters) + AKRT_AKIDA2_FILLED(inputs) / 2)
static void akrt_akida2_products(const akrt_akida2_layer *layer, const uint8_t *input, void *output,
                                 int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = layer->filters, inputs = w->size_x * w->size_y * w->channels;
    int8_t *const taps = (int8_t *)(scratch + 2 * filters);
    const int32_t positions = w->out_x * w->out_y;
    int32_t x = 0, y = 0;
    for (int32_t at = 0; at < positions; at += 2) {
        const int8_t *const a = akrt_akida2_window(layer, input, x, y, taps), *b = a;
        y = y + 1 < w->out_y ? y + 1 : (x++, 0);
        if (at + 1 < positions) {
            b = akrt_akida2_window(layer, input, x, y, taps + AKRT_AKIDA2_FILLED(inputs));
            y = y + 1 < w->out_y ? y + 1 : (x++, 0);
        }
        akrt_akida2_dots(a, b, layer->weights, inputs, filters, scratch);
        akrt_akida2_emit_sums(layer, scratch, output, at * filters);
        if (at + 1 < positions) {
            akrt_akida2_emit_sums(layer, scratch + filters, output, (at + 1) * filters);
        }
        AKRT_TICK();
    }
}
#endif
