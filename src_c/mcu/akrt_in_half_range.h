#ifndef AKRT_IN_HALF_RANGE_H
#define AKRT_IN_HALF_RANGE_H
#include <stdint.h>
#include "akrt_tick.h"
/* Whether all of the input lies in -2^(bits - 1) .. 2^(bits - 1) - 1; bytes: of all of it. */
static int akrt_in_half_range(const int16_t *input, int32_t bytes, int32_t bits) {
    const int32_t half = (int32_t)1 << (bits - 1);
    for (int32_t i = 0; i < bytes / 2; i++) {
        if (input[i] < -half || input[i] >= half) {
            return 0;
        }
        AKRT_TICK_AT(i);
    }
    return 1;
}
#endif
