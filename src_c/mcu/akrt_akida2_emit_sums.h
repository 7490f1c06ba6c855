#ifndef AKRT_AKIDA2_EMIT_SUMS_H
#define AKRT_AKIDA2_EMIT_SUMS_H
#include "akrt_akida2_emit.h"
#include "akrt_tick.h"
/* The sums of all filters at one position to the output's elements from `at` on: where nothing
 * saturates or leaves 32 bits, in one multiplication, addition, shift and clip. */
static void akrt_akida2_emit_sums(const akrt_akida2_layer *layer, const int32_t *sums, void *output,
                                  int32_t at) {
    const int32_t filters = layer->filters, low = layer->low;
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
    for (int32_t f = 0; f < filters; f += 4) {
        const mve_pred16_t some = vctp32q((uint32_t)(filters - f));
        const int32x4_t factor = vreinterpretq_s32_u32(vldrbq_z_u32(layer->factor + f, some));
        int32x4_t value = vmulq_s32(vldrwq_z_s32(sums + f, some), factor);
        value = vaddq_s32(value, vldrwq_z_s32(layer->addend + f, some));
        value = vshlq_s32(value, vnegq_s32(vldrbq_z_s32((const int8_t *)layer->right + f, some)));
        value = vminq_s32(value, vldrbq_z_s32(layer->most + f, some));
        value = vmaxq_s32(value, vdupq_n_s32(low));
        vstrbq_p_s32((int8_t *)bytes + f, value, some);
    }
#else
    for (int32_t f = 0; f < filters; f++) {
        int32_t value = (sums[f] * layer->factor[f] + layer->addend[f]) >> layer->right[f];
        value = value > layer->most[f] ? layer->most[f] : value;
        value = value < low ? low : value;
        bytes[f] = (uint8_t)((uint32_t)value & 255u);
        AKRT_TICK_AT(f);
    }
#endif
}
#endif
