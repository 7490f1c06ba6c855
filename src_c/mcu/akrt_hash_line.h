#ifndef AKRT_HASH_LINE_H
#define AKRT_HASH_LINE_H
#include "akrt_lines.h"
/* FNV-1a of a tensor that comes line by line, as akrt_hash_bytes and akrt_hash_words have it of a
 * whole one. The hash before the first line is AKRT_HASH_START. */
#define AKRT_HASH_START 0x811c9dc5u
static uint32_t akrt_hash_line(uint32_t hash, const void *line, int32_t positions, int32_t channels,
                               int32_t words) {
    const uint32_t *octets = (const uint32_t *)line;
    for (int32_t y = 0; y < positions; y++) {
        for (int32_t c = 0; c < channels; c++) {
            if (words != 0) {
                for (int32_t shift = 0; shift < 32; shift += 8) {
                    const uint32_t value = octets[y * channels + c] >> shift;
                    hash = (hash ^ (value & 255u)) * 0x01000193u;
                }
            } else {
                const uint32_t octet = octets[y * AKRT_LINE_WORDS(channels) + (c >> 3)];
                hash = (hash ^ (octet >> (c & 7) * 4 & 15u)) * 0x01000193u;
            }
        }
    }
    return hash;
}
#endif
