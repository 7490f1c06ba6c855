#ifndef AKRT_AKIDA2_PRODUCTS_H
#define AKRT_AKIDA2_PRODUCTS_H
#include "akrt_akida2_emit_sums.h"
#include "akrt_tick.h"
/* A convolution of Akida 2.0 without pooling, or a dense layer: two positions at a time, of
 * inputs as `gather` and `dots` take them. One of 1x1 and stride 1 may write over its input where
 * it has no more filters than channels. scratch: AKRT_AKIDA2_PRODUCTS_SCRATCH_WORDS, `inputs` being
 * those of a window. */
#define AKRT_AKIDA2_PRODUCTS_SCRATCH_WORDS(inputs, filters, tap_bytes)                             \
    (2 * (int32_t)(filters) + AKRT_AKIDA2_FILLED(inputs) / 2 * (int32_t)(tap_bytes))
static void akrt_akida2_products(const akrt_akida2_layer *layer, akrt_akida2_gather gather,
                                 akrt_akida2_dots_of dots, const uint8_t *input, void *output,
                                 int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = layer->filters, inputs = w->size_x * w->size_y * w->channels;
    const int32_t filled = AKRT_AKIDA2_FILLED(inputs) * layer->tap_bytes;
    uint8_t *const taps = (uint8_t *)(scratch + 2 * filters);
    const int32_t positions = w->out_x * w->out_y;
    int32_t x = 0, y = 0;
    for (int32_t at = 0; at < positions; at += 2) {
        const void *const a = gather(layer, input, x, y, taps), *b = a;
        y = y + 1 < w->out_y ? y + 1 : (x++, 0);
        if (at + 1 < positions) {
            b = gather(layer, input, x, y, taps + filled);
            y = y + 1 < w->out_y ? y + 1 : (x++, 0);
        }
        dots(a, b, layer->weights, inputs, filters, scratch);
        akrt_akida2_emit_sums(layer, scratch, output, at * filters);
        if (at + 1 < positions) {
            akrt_akida2_emit_sums(layer, scratch + filters, output, (at + 1) * filters);
        }
        AKRT_TICK();
    }
}
#endif
