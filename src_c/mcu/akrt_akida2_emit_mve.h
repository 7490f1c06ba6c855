#ifndef AKRT_AKIDA2_EMIT_MVE_H
#define AKRT_AKIDA2_EMIT_MVE_H
#include "akrt_akida2_layer.h"
#if AKRT_MVE
/* As akrt_akida2_emit_sums, four filters at a time; `lanes`: those that are there. */
static inline int32x4_t akrt_akida2_vector(const akrt_akida2_layer *layer, const int32_t *sums,
                                           int32_t f, int32x4_t low, mve_pred16_t lanes) {
    const int32x4_t factor = vreinterpretq_s32_u32(vldrbq_z_u32(layer->factor + f, lanes));
    const int32x4_t right = vreinterpretq_s32_u32(vldrbq_z_u32(layer->right + f, lanes));
    int32x4_t value = vmulq_s32(vldrwq_z_s32(sums + f, lanes), factor);
    value = vaddq_s32(value, vldrwq_z_s32(layer->addend + f, lanes));
    value = vshlq_s32(value, vnegq_s32(right));
    value = vminq_s32(value, vldrbq_z_s32(layer->most + f, lanes));
    return vmaxq_s32(value, low);
}

static void akrt_akida2_emit_vectors(const akrt_akida2_layer *layer, const int32_t *sums,
                                     int8_t *bytes) {
    const int32_t filters = layer->filters;
    const int32_t *addend = layer->addend;
    const uint8_t *factor = layer->factor, *right = layer->right;
    const int8_t *most = layer->most;
    const int32x4_t low = vdupq_n_s32(layer->low);
    int32_t f = 0;
    for (; f + 4 <= filters; f += 4) {
        int32x4_t value =
            vmulq_s32(vldrwq_s32(sums + f), vreinterpretq_s32_u32(vldrbq_u32(factor)));
        value = vaddq_s32(value, vldrwq_s32(addend));
        value = vshlq_s32(value, vnegq_s32(vreinterpretq_s32_u32(vldrbq_u32(right))));
        value = vminq_s32(value, vldrbq_s32(most));
        vstrbq_s32(bytes + f, vmaxq_s32(value, low));
        addend += 4;
        factor += 4;
        right += 4;
        most += 4;
    }
    if (f < filters) {
        const mve_pred16_t lanes = vctp32q((uint32_t)(filters - f));
        vstrbq_p_s32(bytes + f, akrt_akida2_vector(layer, sums, f, low, lanes), lanes);
    }
}
#endif
#endif
