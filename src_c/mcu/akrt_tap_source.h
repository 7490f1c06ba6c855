#ifndef AKRT_TAP_SOURCE_H
#define AKRT_TAP_SOURCE_H
#include "akrt_mcu_layer.h"
/* Where the inputs of a tap lie: bytes `step` apart, which is 0 beyond the edges. */
typedef struct akrt_tap_source {
    const uint8_t *from;
    int32_t step;
} akrt_tap_source;

static inline akrt_tap_source akrt_tap_at(const akrt_mcu_window *w, const void *line,
                                          const uint8_t *border, int32_t v, int32_t channel) {
    akrt_tap_source source = {border, 0};
    if (line != NULL && v >= 0 && v < w->in_y) {
        source.from = (const uint8_t *)line + v * w->channels + channel;
        source.step = 1;
    }
    return source;
}

/* Inputs `k` onward of a window, (size_x, size_y, channels), as far as they are of one position
 * and before `end`. */
typedef struct akrt_tap {
    int32_t i, j, channel, count;
} akrt_tap;

static inline akrt_tap akrt_tap_of(const akrt_mcu_window *w, int32_t k, int32_t end) {
    const int32_t position = k / w->channels, i = position / w->size_y;
    akrt_tap tap = {i, position - i * w->size_y, k - position * w->channels, end - k};
    if (w->channels - tap.channel < tap.count) {
        tap.count = w->channels - tap.channel;
    }
    return tap;
}
#endif
