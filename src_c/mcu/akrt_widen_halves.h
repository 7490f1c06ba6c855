#ifndef AKRT_WIDEN_HALVES_H
#define AKRT_WIDEN_HALVES_H
#include <stdint.h>
#include "akrt_tick.h"
/* Integers of 16 bits to int32. */
static void akrt_widen_halves(const int16_t *input, int32_t count, int32_t *output) {
    for (int32_t i = 0; i < count; i++) {
        output[i] = input[i];
        AKRT_TICK_AT(i);
    }
}
#endif
