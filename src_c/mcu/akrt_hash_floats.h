#ifndef AKRT_HASH_FLOATS_H
#define AKRT_HASH_FLOATS_H
#include <stdint.h>
#include <string.h>
/* 32-bit FNV-1a of a tensor of floats, the four bytes of each, the lowest first. */
static uint32_t akrt_hash_floats(const float *values, int32_t count) {
    uint32_t hash = 0x811c9dc5u;
    for (int32_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, values + i, sizeof word);
        for (int32_t shift = 0; shift < 32; shift += 8) {
            hash = (hash ^ ((word >> shift) & 255u)) * 0x01000193u;
        }
    }
    return hash;
}
#endif
