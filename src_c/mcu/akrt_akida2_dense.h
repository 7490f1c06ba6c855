#ifndef AKRT_AKIDA2_DENSE_H
#define AKRT_AKIDA2_DENSE_H
#include "akrt_akida2_activated.h"
#include "akrt_akida2_write.h"
#include "akrt_akida2_input.h"
#include "akrt_tick.h"
/* A dense layer of Akida 2.0, whose sums do not wrap around; weights: (filters, inputs). */
static void akrt_akida2_dense(const akrt_akida2_layer *layer, const uint8_t *input, void *output) {
    const int8_t *weights = layer->weights;
    for (int32_t f = 0; f < layer->filters; f++) {
        int64_t sum = 0;
        for (int32_t c = 0; c < layer->conv.channels; c++) {
            sum += (int64_t)akrt_akida2_input(layer, input[c], c) * *weights++;
            AKRT_TICK_AT(c);
        }
        akrt_akida2_write(layer, f, akrt_akida2_activated(layer, f, sum), output, f);
        AKRT_TICK();
    }
}
#endif
