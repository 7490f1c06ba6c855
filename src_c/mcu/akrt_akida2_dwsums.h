#ifndef AKRT_AKIDA2_DWSUMS_H
#define AKRT_AKIDA2_DWSUMS_H
#include "akrt_akida2_layer.h"
#include "akrt_tick.h"
#if AKRT_DSP
#include "akrt_akida2_dwsums_dsp.h"
#endif
#if AKRT_MVE
#include "akrt_akida2_dwsums_mve.h"
#endif
/* Sums of all channels of a depthwise convolution at column y of the lines of a window, NULL beyond
 * the edges; weights: (size_x, size_y, channels). */
static void akrt_akida2_dwsums(const akrt_akida2_layer *layer, const uint8_t *const *lines,
                               int32_t y, int32_t *sums) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t channels = w->channels, from = y * w->stride_y - w->pad_y;
    const int32_t first = from < 0 ? -from : 0;
    const int32_t last = from + w->size_y > w->in_y ? w->in_y - from : w->size_y;
    int32_t c = 0, done = 0;
#if AKRT_DSP
    for (; c + 4 <= channels; c += 4) {
        akrt_akida2_dwsums_4(layer, lines, from, first, last, c, sums + c);
        AKRT_TICK_WORK(done, w->size_x * w->size_y);
    }
#endif
#if AKRT_MVE
    for (; c + 8 <= channels; c += 8) {
        akrt_akida2_dwsums_8(layer, lines, from, first, last, c, sums + c);
        AKRT_TICK_WORK(done, w->size_x * w->size_y);
    }
#endif
    for (int32_t left = channels - c; left > 0; left--) {
        int32_t sum = 0;
        for (int32_t i = 0; i < w->size_x; i++) {
            const int8_t *at, *weights = layer->weights + (i * w->size_y + first) * channels + c;
            if (lines[i] == NULL) {
                continue;
            }
            at = (const int8_t *)lines[i] + (from + first) * channels + c;
            for (int32_t j = first; j < last; j++) {
                sum += *at * *weights;
                at += channels;
                weights += channels;
            }
        }
        sums[c++] = sum;
        AKRT_TICK_WORK(done, w->size_x * w->size_y);
    }
}
#endif
