#ifndef AKRT_ACTIVATE_H
#define AKRT_ACTIVATE_H
#include "akrt_mcu_layer.h"
#include "akrt_tick.h"
/* `filters` potentials to outputs from element `at` on: bytes, or int32 without activation.
 * An activation counts the levels that its potential exceeds, by bisection or against a table. */
static void akrt_activate(const akrt_mcu_layer *layer, const int32_t *potentials, int32_t at,
                          void *output) {
    const int32_t top = ((int32_t)1 << layer->activation.bits) - 1;
    uint8_t *out = (uint8_t *)output + at;
    if (layer->activation.form == AKRT_FORM_POTENTIALS) {
        for (int32_t f = 0; f < layer->filters; f++) {
            ((int32_t *)output)[at + f] = potentials[f];
            AKRT_TICK_AT(f);
        }
        return;
    }
    for (int32_t f = 0; f < layer->filters; f++) {
        int32_t n = 0;
        if (layer->activation.form == AKRT_FORM_BISECTION) {
            int32_t v = (potentials[f] - layer->threshold[f]) * 16;
            for (int32_t half = (top + 1) >> 1; half > 0; half >>= 1) {
                if (v > (half - 1) * layer->step[f]) {
                    v -= half * layer->step[f];
                    n += half;
                }
            }
        } else {
            const int32_t *levels = layer->levels + f * top;
            while (n < top && potentials[f] > levels[n]) {
                n++;
            }
        }
        out[f] = (uint8_t)n;
        AKRT_TICK_AT(f);
    }
}
#endif
