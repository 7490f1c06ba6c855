#ifndef AKRT_WIDEN_LINE_H
#define AKRT_WIDEN_LINE_H
#include "akrt_lines.h"
#include "akrt_tick.h"
/* A line to int32 (Y, C). */
AKRT_LAYER static void akrt_widen_line(const akrt_mcu_layer *layer, const void *const *lines,
                                       void *target, int32_t *scratch) {
    const uint32_t *from = (const uint32_t *)lines[0];
    const int32_t channels = layer->conv.channels;
    int32_t *to = (int32_t *)target;
    (void)scratch;
    for (int32_t y = 0; y < layer->conv.in_y; y++) {
        for (int32_t c = 0; c < channels; c++) {
            *to++ = (int32_t)(from[c >> 3] >> (c & 7) * 4 & 15u);
            AKRT_TICK_AT(c);
        }
        from += AKRT_LINE_WORDS(channels);
        AKRT_TICK_AT(y);
    }
}
#endif
