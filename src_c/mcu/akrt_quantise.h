#ifndef AKRT_QUANTISE_H
#define AKRT_QUANTISE_H
#include <stdint.h>
#include "akrt_tick.h"
/* Floats to integers of a byte: (outer, channels, inner) to (outer, inner, channels), `inner` being
 * 1 where channels come last. Each is scaled, rounded, halves away from zero, and clipped. */
static void akrt_quantise(const float *input, int32_t outer, int32_t channels, int32_t inner,
                          const float *scales, const uint8_t *zeros, int32_t low, int32_t high,
                          uint8_t *output) {
    int32_t done = 0;
    for (int32_t o = 0; o < outer; o++) {
        for (int32_t c = 0; c < channels; c++) {
            for (int32_t i = 0; i < inner; i++) {
                const volatile float scaled = input[(o * channels + c) * inner + i] * scales[c];
                const float value = scaled;
                int32_t whole = (int32_t)value;
                const float part = value - (float)whole;
                whole += part >= 0.5f ? 1 : part <= -0.5f ? -1 : 0;
                whole += zeros[c];
                whole = whole > high ? high : whole < low ? low : whole;
                output[(o * inner + i) * channels + c] = (uint8_t)((uint32_t)whole & 255u);
                AKRT_TICK_AT(i);
            }
            AKRT_TICK_WORK(done, inner);
        }
    }
}
#endif
