#ifndef AKRT_AKIDA2_APART_H
#define AKRT_AKIDA2_APART_H
#include "akrt_akida2_layer.h"
#include "akrt_tick.h"
/* Whether a prediction, scaled to 16 bits, is further from its target than a threshold, on average
 * over the steps and rounded down; bits: of the scaled prediction, 32 to 44. */
static void akrt_akida2_apart(const void *prediction, const void *target, int32_t steps,
                              int32_t channels, int32_t bits, const uint16_t *scales,
                              const int8_t *shifts, const uint16_t *thresholds, uint8_t *output) {
    const int64_t half = (int64_t)1 << (bits - 1);
    int32_t done = 0;
    for (int32_t c = 0; c < channels; c++) {
        const int32_t shift = shifts[c];
        int64_t apart = 0;
        for (int32_t t = 0; t < steps; t++) {
            const int32_t at = t * channels + c;
            int64_t near = (int64_t)((const int32_t *)prediction)[at] * scales[c];
            near = near < -half ? -half : near >= half ? half - 1 : near;
            near = shift < 0 ? (near + ((int64_t)1 << (-shift - 1))) >> -shift : near;
            near = akrt_akida2_clip(near, -32768, 32767) - ((const int32_t *)target)[at];
            apart += near < 0 ? -near : near;
            AKRT_TICK_WORK(done, 16);
        }
        output[c] = (uint8_t)(apart >= ((int64_t)thresholds[c] + 1) * steps);
    }
}
#endif
