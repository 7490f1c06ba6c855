#ifndef AKRT_AKIDA2_PRODUCTS_TOTAL_H
#define AKRT_AKIDA2_PRODUCTS_TOTAL_H
#include "akrt_akida2_write.h"
#include "akrt_tick.h"
/* The same with a sum over all positions that saturates nowhere, behind a ReLU or no activation.
 * scratch: AKRT_AKIDA2_PRODUCTS_TOTAL_SCRATCH_WORDS. */
#define AKRT_AKIDA2_PRODUCTS_TOTAL_SCRATCH_WORDS(inputs, filters, tap_bytes)                       \
    (3 * (int32_t)(filters) + AKRT_AKIDA2_FILLED(inputs) / 2 * (int32_t)(tap_bytes))

static void akrt_akida2_add_up(const akrt_akida2_layer *layer, const int32_t *sums,
                               int32_t *total) {
    const int32_t relu = layer->activation == AKRT_AKIDA2_RELU;
    for (int32_t f = 0; f < layer->filters; f++) {
        int32_t value = sums[f] + layer->filter[f].bias;
        if (relu) {
            value = value > layer->filter[f].most ? layer->filter[f].most : value;
            value = value < 0 ? 0 : value;
        }
        total[f] += value;
        AKRT_TICK_AT(f);
    }
}

static void akrt_akida2_products_total(const akrt_akida2_layer *layer, akrt_akida2_gather gather,
                                       akrt_akida2_dots_of dots, const uint8_t *input, void *output,
                                       int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = layer->filters, inputs = w->size_x * w->size_y * w->channels;
    const int32_t filled = AKRT_AKIDA2_FILLED(inputs) * layer->tap_bytes;
    int32_t *const total = scratch + 2 * filters;
    uint8_t *const taps = (uint8_t *)(total + filters);
    const int32_t positions = w->out_x * w->out_y;
    int32_t x = 0, y = 0;
    memset(total, 0, (size_t)filters * sizeof *total);
    for (int32_t at = 0; at < positions; at += 2) {
        const void *const a = gather(layer, input, x, y, taps), *b = a;
        y = y + 1 < w->out_y ? y + 1 : (x++, 0);
        if (at + 1 < positions) {
            b = gather(layer, input, x, y, taps + filled);
            y = y + 1 < w->out_y ? y + 1 : (x++, 0);
        }
        dots(a, b, layer->weights, inputs, filters, scratch);
        akrt_akida2_add_up(layer, scratch, total);
        if (at + 1 < positions) {
            akrt_akida2_add_up(layer, scratch + filters, total);
        }
        AKRT_TICK();
    }
    for (int32_t f = 0; f < filters; f++) {
        akrt_akida2_write(layer, f, total[f], output, f);
        AKRT_TICK_AT(f);
    }
}
#endif
