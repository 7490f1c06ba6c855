#ifndef AKRT_AKIDA2_WRITE_H
#define AKRT_AKIDA2_WRITE_H
#include "akrt_akida2_layer.h"
/* What is behind the activation, scaled to element `at` of the output. */
static void akrt_akida2_write(const akrt_akida2_layer *layer, int32_t f, int32_t activated,
                              void *output, int32_t at) {
    const akrt_akida2_filter *filter = layer->filter + f;
    const int32_t scaled =
        akrt_akida2_saturate((int64_t)activated * filter->scale, layer->post_bits);
    const int32_t value =
        akrt_akida2_clip(akrt_akida2_shifted(scaled, filter->shift), layer->low, layer->high);
    if (layer->output_bytes == 1) {
        ((uint8_t *)output)[at] = (uint8_t)((uint32_t)value & 255u);
    } else {
        ((int32_t *)output)[at] = value;
    }
}
#endif
