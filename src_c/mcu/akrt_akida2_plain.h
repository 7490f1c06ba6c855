#ifndef AKRT_AKIDA2_PLAIN_H
#define AKRT_AKIDA2_PLAIN_H
#include "akrt_akida2_activated.h"
#include "akrt_akida2_write.h"
#include "akrt_tick.h"
/* A layer of Akida 2.0 without pooling. scratch: AKRT_AKIDA2_PLAIN_SCRATCH_WORDS. */
#define AKRT_AKIDA2_PLAIN_SCRATCH_WORDS(filters) ((int32_t)(filters))
static void akrt_akida2_plain(const akrt_akida2_layer *layer, akrt_akida2_sums compute,
                              const uint8_t *input, void *output, int32_t *scratch) {
    int32_t at = 0;
    for (int32_t x = 0; x < layer->conv.out_x; x++) {
        for (int32_t y = 0; y < layer->conv.out_y; y++) {
            compute(layer, input, x, y, scratch);
            for (int32_t f = 0; f < layer->filters; f++) {
                akrt_akida2_write(layer, f, akrt_akida2_activated(layer, f, scratch[f]), output,
                                  at);
                at++;
                AKRT_TICK_AT(f);
            }
            AKRT_TICK();
        }
    }
}
#endif
