#ifndef AKRT_AKIDA2_ADD_H
#define AKRT_AKIDA2_ADD_H
#include "akrt_akida2_layer.h"
#include "akrt_tick.h"
/* What an addition of Akida 2.0 knows. */
typedef struct akrt_akida2_addition {
    int32_t positions, channels;
    int32_t sign_a, sign_b; /* 128 where the bytes of an input are signed, else 0 */
    int32_t output_bytes;   /* of an element: 1 or 4 */
    int32_t buffer_bits;    /* inputs and sum saturate at them */
    int32_t output_bits;
    const uint8_t *shift_a, *shift_b; /* by channel */
    const int8_t *shift;
} akrt_akida2_addition;

static inline int32_t akrt_akida2_addend(uint8_t byte, int32_t sign, uint8_t shift, int32_t bits) {
    const int32_t value = (int32_t)(byte ^ (uint32_t)sign) - sign;
    return akrt_akida2_saturate(akrt_akida2_shifted(value, shift), bits);
}

/* Two tensors, each shifted, element by element. */
static void akrt_akida2_add(const akrt_akida2_addition *layer, const uint8_t *a, const uint8_t *b,
                            void *output) {
    const int32_t bits = layer->buffer_bits;
    int32_t at = 0, done = 0;
    for (int32_t i = 0; i < layer->positions; i++) {
        for (int32_t c = 0; c < layer->channels; c++) {
            const int32_t first = akrt_akida2_addend(a[at], layer->sign_a, layer->shift_a[c], bits);
            const int32_t other = akrt_akida2_addend(b[at], layer->sign_b, layer->shift_b[c], bits);
            const int32_t sum = akrt_akida2_saturate((int64_t)first + other, bits);
            const int32_t value =
                akrt_akida2_saturate(akrt_akida2_shifted(sum, layer->shift[c]), layer->output_bits);
            if (layer->output_bytes == 1) {
                ((uint8_t *)output)[at] = (uint8_t)((uint32_t)value & 255u);
            } else {
                ((int32_t *)output)[at] = value;
            }
            at++;
            AKRT_TICK_AT(c);
        }
        AKRT_TICK_WORK(done, layer->channels);
    }
}
#endif
