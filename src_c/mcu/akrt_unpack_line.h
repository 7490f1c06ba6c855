#ifndef AKRT_UNPACK_LINE_H
#define AKRT_UNPACK_LINE_H
#include "akrt_lines.h"
#include "akrt_tick.h"
/* A line to bytes (Y, C). */
AKRT_LAYER static void akrt_unpack_line(const akrt_mcu_layer *layer, const void *const *lines,
                                        void *target, int32_t *scratch) {
    const uint32_t *from = (const uint32_t *)lines[0];
    const int32_t channels = layer->conv.channels;
    uint8_t *to = (uint8_t *)target;
    (void)scratch;
    for (int32_t y = 0; y < layer->conv.in_y; y++) {
        for (int32_t first = 0; first < channels; first += 8) {
            const int32_t some = channels - first < 8 ? channels - first : 8;
            uint32_t word = *from++;
            for (int32_t c = 0; c < some; c++) {
                *to++ = (uint8_t)(word & 15u);
                word >>= 4;
            }
            AKRT_TICK_AT(first >> 3);
        }
        AKRT_TICK_AT(y);
    }
}
#endif
