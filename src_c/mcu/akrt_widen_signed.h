#ifndef AKRT_WIDEN_SIGNED_H
#define AKRT_WIDEN_SIGNED_H
#include <stdint.h>
#include "akrt_tick.h"
/* Signed bytes to int32. */
static void akrt_widen_signed(const uint8_t *input, int32_t count, int32_t *output) {
    for (int32_t i = 0; i < count; i++) {
        output[i] = (int32_t)(input[i] ^ 128u) - 128;
        AKRT_TICK_AT(i);
    }
}
#endif
