#ifndef AKRT_AKIDA2_TOTAL_H
#define AKRT_AKIDA2_TOTAL_H
#include "akrt_akida2_activated.h"
#include "akrt_akida2_write.h"
#include "akrt_tick.h"
/* A layer of Akida 2.0 with a sum over all positions, behind the activation: it saturates at every
 * addition. scratch: AKRT_AKIDA2_TOTAL_SCRATCH_WORDS. */
#define AKRT_AKIDA2_TOTAL_SCRATCH_WORDS(filters) (2 * (int32_t)(filters))
static void akrt_akida2_total(const akrt_akida2_layer *layer, akrt_akida2_sums compute,
                              const uint8_t *input, void *output, int32_t *scratch) {
    int32_t *const sums = scratch, *const total = scratch + layer->filters;
    memset(total, 0, (size_t)layer->filters * sizeof *total);
    for (int32_t x = 0; x < layer->conv.out_x; x++) {
        for (int32_t y = 0; y < layer->conv.out_y; y++) {
            compute(layer, input, x, y, sums);
            for (int32_t f = 0; f < layer->filters; f++) {
                const int32_t activated = akrt_akida2_activated(layer, f, sums[f]);
                total[f] = akrt_akida2_saturate((int64_t)total[f] + activated, layer->post_bits);
                AKRT_TICK_AT(f);
            }
            AKRT_TICK();
        }
    }
    for (int32_t f = 0; f < layer->filters; f++) {
        akrt_akida2_write(layer, f, total[f], output, f);
        AKRT_TICK_AT(f);
    }
}
#endif
