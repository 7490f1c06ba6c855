#ifndef AKRT_WEIGHT_H
#define AKRT_WEIGHT_H
#include "akrt_mcu_layer.h"
#include "akrt_nibble.h"
/* Weight `i` of a packed array, in the order of akrt_nibble: the lowest bits of a byte come first.
 * 8, 4 and 2 bits are two's complement, 1 bit is 0 or 1. */
static int32_t akrt_weight(const uint8_t *packed, int32_t bits, int32_t i) {
    int32_t value;
    if (bits == 8) {
        value = packed[i];
        return value - (value & 128) * 2;
    }
    if (bits == 4) {
        value = (int32_t)akrt_nibble(packed, i);
        return value - (value & 8) * 2;
    }
    if (bits == 2) {
        value = (packed[i >> 2] >> ((i & 3) * 2)) & 3;
        return value - (value & 2) * 2;
    }
    return (packed[i >> 3] >> (i & 7)) & 1;
}
#endif
