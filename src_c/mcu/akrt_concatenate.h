#ifndef AKRT_CONCATENATE_H
#define AKRT_CONCATENATE_H
#include <stdint.h>
#include <string.h>
#include "akrt_tick.h"
/* The channels of `a`, then those of `b`, at every position. */
static void akrt_concatenate(const uint8_t *a, const uint8_t *b, int32_t positions,
                             int32_t channels_a, int32_t channels_b, uint8_t *output) {
    int32_t done = 0;
    for (int32_t i = 0; i < positions; i++) {
        memcpy(output, a, (size_t)channels_a);
        memcpy(output + channels_a, b, (size_t)channels_b);
        a += channels_a;
        b += channels_b;
        output += channels_a + channels_b;
        AKRT_TICK_WORK(done, channels_a + channels_b);
    }
}
#endif
