#ifndef AKRT_QUANTISABLE_H
#define AKRT_QUANTISABLE_H
#include <stdint.h>
#include "akrt_tick.h"
/* Whether akrt_quantise can take floats: numbers whose scaled values fit 32 bits. */
static int akrt_quantisable(const float *input, int32_t outer, int32_t channels, int32_t inner,
                            const float *scales) {
    int32_t done = 0;
    for (int32_t o = 0; o < outer; o++) {
        for (int32_t c = 0; c < channels; c++) {
            for (int32_t i = 0; i < inner; i++) {
                const volatile float scaled = *input++ * scales[c];
                const float value = scaled;
                if (!(value < 2147483520.0f && value > -2147483520.0f)) {
                    return 0;
                }
                AKRT_TICK_AT(i);
            }
            AKRT_TICK_WORK(done, inner);
        }
    }
    return 1;
}
#endif
