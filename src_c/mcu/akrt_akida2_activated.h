#ifndef AKRT_AKIDA2_ACTIVATED_H
#define AKRT_AKIDA2_ACTIVATED_H
#include "akrt_akida2_layer.h"
/* A sum of products with its bias, behind the activation. */
static int32_t akrt_akida2_activated(const akrt_akida2_layer *layer, int32_t f, int64_t sum) {
    const akrt_akida2_filter *filter = layer->filter + f;
    int64_t wide;
    int32_t p;
    if (layer->bias_first) {
        wide = akrt_akida2_saturate(sum + filter->bias, layer->buffer_bits);
    } else {
        wide = (int64_t)akrt_akida2_saturate(sum, layer->buffer_bits) + filter->bias;
    }
    p = akrt_akida2_saturate(wide, layer->post_bits);
    if (layer->activation == AKRT_AKIDA2_RELU) {
        return akrt_akida2_clip(p, 0, filter->most);
    }
    if (layer->activation == AKRT_AKIDA2_TABLE) {
        p = akrt_akida2_saturate((int64_t)p * filter->find_scale, layer->post_bits);
        p = akrt_akida2_saturate(akrt_akida2_shifted(p, filter->find_shift), 11);
        return layer->table[p + 1024];
    }
    return p;
}
#endif
