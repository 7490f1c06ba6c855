#ifndef AKRT_AKIDA2_INPUT_H
#define AKRT_AKIDA2_INPUT_H
#include "akrt_akida2_layer.h"
/* What the weights of channel `c` multiply: a byte of the input, shifted and saturated. */
static inline int32_t akrt_akida2_input(const akrt_akida2_layer *layer, uint8_t byte, int32_t c) {
    const int32_t value = (int32_t)(byte ^ (uint32_t)layer->sign) - layer->sign;
    if (layer->input_shift == NULL) {
        return value;
    }
    return akrt_akida2_saturate(akrt_akida2_shifted(value, layer->input_shift[c]),
                                layer->buffer_bits);
}
#endif
