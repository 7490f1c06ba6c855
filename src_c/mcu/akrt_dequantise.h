#ifndef AKRT_DEQUANTISE_H
#define AKRT_DEQUANTISE_H
#include <stdint.h>
#include "akrt_tick.h"
/* Integers to floats, each channel with its scale: one rounding of the integer, one of the product,
 * whatever registers a core has. bytes: of an integer, 1 or 4; sign: 128 of signed bytes. */
static void akrt_dequantise(const void *input, int32_t bytes, int32_t sign, int32_t positions,
                            int32_t channels, const float *scales, float *output) {
    int32_t at = 0, done = 0;
    for (int32_t i = 0; i < positions; i++) {
        for (int32_t c = 0; c < channels; c++) {
            const uint32_t byte = bytes == 1 ? ((const uint8_t *)input)[at] : 0u;
            const int32_t value =
                bytes == 1 ? (int32_t)(byte ^ (uint32_t)sign) - sign : ((const int32_t *)input)[at];
            const volatile float rounded = (float)value;
            output[at] = rounded * scales[c];
            at++;
            AKRT_TICK_AT(c);
        }
        AKRT_TICK_WORK(done, channels);
    }
}
#endif
