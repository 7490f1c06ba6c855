#ifndef AKRT_NIBBLE_H
#define AKRT_NIBBLE_H
#include <stdint.h>
/* Nibbles of an array of bytes: the low one of a byte comes first. */
static inline uint32_t akrt_nibble(const uint8_t *packed, int32_t i) {
    return (uint32_t)packed[i >> 1] >> (i & 1) * 4 & 15u;
}

/* Sets one that is zero. */
static inline void akrt_set_nibble(uint8_t *packed, int32_t i, uint32_t value) {
    packed[i >> 1] = (uint8_t)(packed[i >> 1] | value << (i & 1) * 4);
}
#endif
