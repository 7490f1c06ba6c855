#ifndef AKRT_AKIDA2_MAX_H
#define AKRT_AKIDA2_MAX_H
#include "akrt_akida2_activated.h"
#include "akrt_akida2_write.h"
#include "akrt_tick.h"
/* A layer of Akida 2.0 with max pooling: of sums, since bias and saturation keep their order.
 * Padding never wins. Where windows overlap, sums are computed again: time for memory.
 * scratch: AKRT_AKIDA2_MAX_SCRATCH_WORDS. */
#define AKRT_AKIDA2_MAX_SCRATCH_WORDS(filters) (2 * (int32_t)(filters))
static void akrt_akida2_max(const akrt_akida2_layer *layer, akrt_akida2_sums compute,
                            const uint8_t *input, void *output, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->pool;
    int32_t *const sums = scratch, *const largest = scratch + layer->filters;
    int32_t at = 0;
    for (int32_t x = 0; x < w->out_x; x++) {
        for (int32_t y = 0; y < w->out_y; y++) {
            const int32_t from_x = x * w->stride_x - w->pad_x;
            const int32_t from_y = y * w->stride_y - w->pad_y;
            int32_t first = 1;
            for (int32_t i = from_x; i < from_x + w->size_x; i++) {
                for (int32_t j = from_y; j < from_y + w->size_y; j++) {
                    if (i < 0 || i >= w->in_x || j < 0 || j >= w->in_y) {
                        continue;
                    }
                    compute(layer, input, i, j, sums);
                    for (int32_t f = 0; f < layer->filters; f++) {
                        largest[f] = first || sums[f] > largest[f] ? sums[f] : largest[f];
                        AKRT_TICK_AT(f);
                    }
                    first = 0;
                    AKRT_TICK();
                }
            }
            for (int32_t f = 0; f < layer->filters; f++) {
                akrt_akida2_write(layer, f, akrt_akida2_activated(layer, f, largest[f]), output,
                                  at);
                at++;
                AKRT_TICK_AT(f);
            }
        }
    }
}
#endif
