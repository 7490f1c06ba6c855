#ifndef AKRT_HASH_BYTES_H
#define AKRT_HASH_BYTES_H
#include <stdint.h>
/* 32-bit FNV-1a of a tensor of activations. */
static uint32_t akrt_hash_bytes(const uint8_t *values, int32_t count) {
    uint32_t hash = 0x811c9dc5u;
    for (int32_t i = 0; i < count; i++) {
        hash = (hash ^ values[i]) * 0x01000193u;
    }
    return hash;
}
#endif
