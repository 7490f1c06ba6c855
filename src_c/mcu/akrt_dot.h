#ifndef AKRT_DOT_H
#define AKRT_DOT_H
#include "akrt_tick.h"
#include "akrt_weight.h"
/* Sum of `count` activations times the weights from `first` on. */
static int32_t akrt_dot(const uint8_t *activations, const uint8_t *packed, int32_t bits,
                        int32_t first, int32_t count) {
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t a = activations[i];
        if (a != 0) {
            sum += a * akrt_weight(packed, bits, first + i);
        }
        AKRT_TICK_AT(i);
    }
    return sum;
}
#endif
