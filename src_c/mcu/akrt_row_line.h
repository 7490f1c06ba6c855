#ifndef AKRT_ROW_LINE_H
#define AKRT_ROW_LINE_H
#include "akrt_lines.h"
#include "akrt_rows.h"
#include "akrt_store_pair.h"
#include "akrt_tick.h"
/* A line of at most AKRT_ROW_WIDTH positions to a row of nibbles. */

/* Nibble `bits` / 4 of five words, the first in the lowest nibble. */
static inline uint32_t akrt_five_nibbles(const uint32_t *words, int32_t bits) {
    return (words[0] >> bits & 15u) | (words[1] >> bits & 15u) << 4 |
           (words[2] >> bits & 15u) << 8 | (words[3] >> bits & 15u) << 12 |
           (words[4] >> bits & 15u) << 16;
}

AKRT_LAYER static void akrt_row_line(const akrt_mcu_layer *layer, const void *const *lines,
                                     void *target, int32_t *scratch) {
    const uint32_t *from = (const uint32_t *)lines[0];
    const int32_t channels = AKRT_PADDED_CHANNELS(layer->conv.channels);
    const int32_t octets = AKRT_LINE_WORDS(channels), width = layer->conv.in_y;
    uint8_t *to = (uint8_t *)target;
    (void)scratch;
    for (int32_t c = 0; c < channels; c += 8) {
        uint32_t words[AKRT_ROW_WIDTH] = {0, 0, 0, 0, 0};
        for (int32_t y = 0; y < width; y++) {
            words[y] = from[y * octets];
        }
        for (int32_t bits = 0; bits < 32 && c + (bits >> 2) < channels; bits += 8) {
            akrt_store_pair(akrt_five_nibbles(words, bits), akrt_five_nibbles(words, bits + 4), to);
            to += AKRT_PAIR_BYTES;
        }
        from++;
        AKRT_TICK_AT(c >> 3);
    }
}
#endif
