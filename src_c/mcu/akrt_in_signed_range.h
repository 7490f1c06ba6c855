#ifndef AKRT_IN_SIGNED_RANGE_H
#define AKRT_IN_SIGNED_RANGE_H
#include <stdint.h>
#include "akrt_tick.h"
/* Whether all of the input lies in -2^(bits - 1) .. 2^(bits - 1) - 1. */
static int akrt_in_signed_range(const int8_t *input, int32_t count, int32_t bits) {
    const int32_t half = (int32_t)1 << (bits - 1);
    for (int32_t i = 0; i < count; i++) {
        if (input[i] < -half || input[i] >= half) {
            return 0;
        }
        AKRT_TICK_AT(i);
    }
    return 1;
}
#endif
