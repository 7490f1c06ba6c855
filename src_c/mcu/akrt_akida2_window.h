#ifndef AKRT_AKIDA2_WINDOW_H
#define AKRT_AKIDA2_WINDOW_H
#include "akrt_akida2_layer.h"
/* The inputs of the window at position (x, y) as signed bytes, one after the other: where they lie
 * if they are that, else put together in `taps`, filled up with zeros to a multiple of four. */
static const void *akrt_akida2_window(const akrt_akida2_layer *layer, const uint8_t *input,
                                      int32_t x, int32_t y, void *taps) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t from_x = x * w->stride_x - w->pad_x, from_y = y * w->stride_y - w->pad_y;
    const uint32_t count = (uint32_t)(w->size_x * w->size_y * w->channels);
    const uint32_t flip = layer->flip ? 0x80808080u : 0u;
    uint8_t *to = (uint8_t *)taps;
    uint32_t fill = count;
    if (count == (uint32_t)w->channels && !flip && count % 4 == 0 && w->pad_x + w->pad_y == 0) {
        return input + (from_x * w->in_y + from_y) * w->channels;
    }
    for (int32_t i = from_x; i < from_x + w->size_x; i++) {
        int32_t j = from_y;
        const int32_t end = j + w->size_y;
        while (j < end) {
            const int32_t last = end < w->in_y ? end : w->in_y;
            if (i >= 0 && i < w->in_x && j >= 0 && j < last) {
                const size_t bytes = (size_t)((last - j) * w->channels);
                memcpy(to, input + (i * w->in_y + j) * w->channels, bytes);
                to += bytes;
                j = last;
                continue;
            }
            if (layer->border != NULL) {
                memcpy(to, layer->border, (size_t)w->channels);
            } else {
                memset(to, 0, (size_t)w->channels);
            }
            to += w->channels;
            j++;
        }
    }
    while (fill % 4 != 0) {
        ((uint8_t *)taps)[fill++] = 0;
    }
    for (uint32_t i = 0; i < fill && flip; i += 4) {
        uint32_t word;
        memcpy(&word, (const uint8_t *)taps + i, sizeof word);
        word ^= flip;
        memcpy((uint8_t *)taps + i, &word, sizeof word);
    }
    return taps;
}
#endif
