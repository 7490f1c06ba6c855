#ifndef AKRT_AKIDA2_PRODUCTS_MAX_H
#define AKRT_AKIDA2_PRODUCTS_MAX_H
#include "akrt_akida2_emit_sums.h"
#include "akrt_tick.h"
/* The same with max pooling, of sums as in akrt_akida2_max.
 * scratch: AKRT_AKIDA2_PRODUCTS_MAX_SCRATCH_WORDS. */
#define AKRT_AKIDA2_PRODUCTS_MAX_SCRATCH_WORDS(inputs, filters, tap_bytes)                         \
    (3 * (int32_t)(filters) + AKRT_AKIDA2_FILLED(inputs) / 2 * (int32_t)(tap_bytes))

/* Sums at two positions, of which the second may be the first again, to the largest. */
static void akrt_akida2_larger(const akrt_akida2_layer *layer, akrt_akida2_dots_of dots,
                               const void *a, const void *b, int32_t *sums, int32_t *largest,
                               int32_t first) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = layer->filters;
    dots(a, b, layer->weights, w->size_x * w->size_y * w->channels, filters, sums);
    for (int32_t f = 0; f < filters; f++) {
        const int32_t two = sums[f] > sums[f + filters] ? sums[f] : sums[f + filters];
        largest[f] = first || two > largest[f] ? two : largest[f];
        AKRT_TICK_AT(f);
    }
    AKRT_TICK();
}

static void akrt_akida2_products_max(const akrt_akida2_layer *layer, akrt_akida2_gather gather,
                                     akrt_akida2_dots_of dots, const uint8_t *input, void *output,
                                     int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv, *pool = &layer->pool;
    const int32_t filters = layer->filters, inputs = w->size_x * w->size_y * w->channels;
    const int32_t filled = AKRT_AKIDA2_FILLED(inputs) * layer->tap_bytes;
    int32_t *const largest = scratch + 2 * filters;
    uint8_t *const taps = (uint8_t *)(largest + filters);
    int32_t at = 0;
    for (int32_t x = 0; x < pool->out_x; x++) {
        for (int32_t y = 0; y < pool->out_y; y++) {
            const int32_t from_x = x * pool->stride_x - pool->pad_x;
            const int32_t from_y = y * pool->stride_y - pool->pad_y;
            const void *waits = NULL; /* a position without a second one */
            int32_t first = 1;
            for (int32_t i = from_x; i < from_x + pool->size_x; i++) {
                for (int32_t j = from_y; j < from_y + pool->size_y; j++) {
                    if (i < 0 || i >= pool->in_x || j < 0 || j >= pool->in_y) {
                        continue;
                    }
                    if (waits == NULL) {
                        waits = gather(layer, input, i, j, taps);
                        continue;
                    }
                    akrt_akida2_larger(layer, dots, waits,
                                       gather(layer, input, i, j, taps + filled), scratch, largest,
                                       first);
                    waits = NULL;
                    first = 0;
                }
            }
            if (waits != NULL) {
                akrt_akida2_larger(layer, dots, waits, waits, scratch, largest, first);
            }
            akrt_akida2_emit_sums(layer, largest, output, at);
            at += filters;
        }
    }
}
#endif
