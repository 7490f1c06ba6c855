#ifndef AKRT_AKIDA2_EMIT_SUMS_H
#define AKRT_AKIDA2_EMIT_SUMS_H
#include "akrt_akida2_activated.h"
#include "akrt_akida2_write.h"
#include "akrt_tick.h"
#if AKRT_MVE
#include "akrt_akida2_emit_mve.h"
#endif
/* The sums of all filters at one position to the output's elements from `at` on: where nothing
 * saturates or leaves 32 bits, in one multiplication, addition, shift and clip. */
static void akrt_akida2_emit_sums(const akrt_akida2_layer *layer, const int32_t *sums, void *output,
                                  int32_t at) {
    const int32_t filters = layer->filters;
#if !AKRT_MVE
    const int32_t low = layer->low;
#endif
    uint8_t *bytes;
    if (layer->factor == NULL) {
        for (int32_t f = 0; f < filters; f++) {
            akrt_akida2_write(layer, f, akrt_akida2_activated(layer, f, sums[f]), output, at + f);
            AKRT_TICK_AT(f);
        }
        return;
    }
    bytes = (uint8_t *)output + at;
#if AKRT_MVE
    akrt_akida2_emit_vectors(layer, sums, (int8_t *)bytes);
#else
    {
        /* stores of bytes might change what `layer` holds, as far as a compiler knows */
        const int32_t *addend = layer->addend;
        const uint8_t *factor = layer->factor, *right = layer->right;
        const int8_t *most = layer->most;
        for (int32_t f = 0; f < filters; f++) {
            int32_t value = (*sums++ * *factor++ + *addend++) >> *right++;
            const int32_t top = *most++;
            value = value > top ? top : value;
            value = value < low ? low : value;
            *bytes++ = (uint8_t)((uint32_t)value & 255u);
            AKRT_TICK_AT(f);
        }
    }
#endif
}
#endif
