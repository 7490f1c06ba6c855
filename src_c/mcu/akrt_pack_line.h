#ifndef AKRT_PACK_LINE_H
#define AKRT_PACK_LINE_H
#include "akrt_lines.h"
#include "akrt_tick.h"
/* Bytes (Y, C) of at most 4 bits to a line. */
AKRT_LAYER static void akrt_pack_line(const akrt_mcu_layer *layer, const void *const *lines,
                                      void *target, int32_t *scratch) {
    const uint8_t *from = (const uint8_t *)lines[0];
    const int32_t channels = layer->conv.channels;
    uint32_t *to = (uint32_t *)target;
    (void)scratch;
    for (int32_t y = 0; y < layer->conv.in_y; y++) {
        for (int32_t first = 0; first < channels; first += 8) {
            const int32_t some = channels - first < 8 ? channels - first : 8;
            uint32_t word = 0;
            for (int32_t c = some; c-- > 0;) {
                word = word << 4 | from[c];
            }
            *to++ = word;
            from += some;
            AKRT_TICK_AT(first >> 3);
        }
        AKRT_TICK_AT(y);
    }
}
#endif
