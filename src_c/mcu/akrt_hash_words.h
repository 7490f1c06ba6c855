#ifndef AKRT_HASH_WORDS_H
#define AKRT_HASH_WORDS_H
#include <stdint.h>
/* 32-bit FNV-1a of a tensor of potentials, four bytes each, the lowest first. */
static uint32_t akrt_hash_words(const int32_t *values, int32_t count) {
    uint32_t hash = 0x811c9dc5u;
    for (int32_t i = 0; i < count; i++) {
        for (int32_t shift = 0; shift < 32; shift += 8) {
            hash = (hash ^ (((uint32_t)values[i] >> shift) & 255u)) * 0x01000193u;
        }
    }
    return hash;
}
#endif
