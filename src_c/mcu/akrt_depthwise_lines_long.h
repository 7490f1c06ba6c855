#ifndef AKRT_DEPTHWISE_LINES_LONG_H
#define AKRT_DEPTHWISE_LINES_LONG_H
#include "akrt_depthwise_long.h"
#include "akrt_pointwise_apart.h"
#include "akrt_runs.h"
/* Depthwise results of all channels, filled up to a multiple of 8, at a run of positions. */
#define AKRT_MID_CHANNELS(channels) (((int32_t)(channels) + 7) & ~7)
#define AKRT_MID_AT(c, p) ((c)*AKRT_RUN + (p))

#define AKRT_RUN_EACH(operation)                                                                   \
    operation(0) operation(1) operation(2) operation(3) operation(4) operation(5)

#if !AKRT_DSP
/* Weights are (channels, taps), with zeros up to AKRT_MID_CHANNELS. words: AKRT_DEPTHWISE_WORDS. */
static void akrt_depthwise_run(const akrt_mcu_layer *layer, const void *const *lines, int32_t y,
                               int32_t count, uint32_t *words, akrt_mid *mid) {
    const int32_t octets = AKRT_LINE_WORDS(layer->conv.channels);
    int32_t done = 0;
    for (int32_t octet = 0; octet < octets; octet++) {
        uint32_t both[4 * AKRT_RUN];
        akrt_depthwise_long(layer, lines, y, count, octet, words, both);
        for (int32_t k = 0; k < 4 * AKRT_RUN; k++) {
            *mid++ = (int16_t)(both[k] ^ 0x8000u);
            *mid++ = (int32_t)both[k] >> 16;
        }
        AKRT_TICK_WORK(done, 8 * layer->conv.size_x * layer->conv.size_y);
    }
}
#endif
#endif
