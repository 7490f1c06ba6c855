#ifndef AKRT_IN_RANGE_H
#define AKRT_IN_RANGE_H
#include <stdint.h>
#include "akrt_tick.h"
/* Whether all of the input has at most `bits` bits. */
static int akrt_in_range(const uint8_t *input, int32_t count, int32_t bits) {
    uint32_t all = 0;
    for (int32_t i = 0; i < count; i++) {
        all |= input[i];
        AKRT_TICK_AT(i);
    }
    return (all >> bits) == 0;
}
#endif
