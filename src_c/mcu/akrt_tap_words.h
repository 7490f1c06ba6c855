#ifndef AKRT_TAP_WORDS_H
#define AKRT_TAP_WORDS_H
#include "akrt_nibble.h"
#include "akrt_rows.h"

#define AKRT_TAP_WORDS 4
/* Weight i of a word of eight, signed. */
#define AKRT_TAP(taps, i) ((int32_t)((taps) << (28 - 4 * (i))) >> 28)

/* Depthwise weights of a layer as akrt_dwconv_rows wants them, four words a channel: w2 + w1 z +
 * w0 z^2 of every kernel row, z = 2^10, and minus the channel's minimum in all three fields. */
static void akrt_tap_words(const akrt_rows_layer *layer, int32_t *words) {
    for (int32_t c = 0; c < layer->channels; c++) {
        const uint32_t taps = layer->taps[c], ninth = akrt_nibble(layer->ninth, c);
        words[0] = AKRT_TAP(taps, 2) + AKRT_TAP(taps, 1) * 1024 + AKRT_TAP(taps, 0) * 1048576;
        words[1] = AKRT_TAP(taps, 5) + AKRT_TAP(taps, 4) * 1024 + AKRT_TAP(taps, 3) * 1048576;
        words[2] = AKRT_TAP(ninth, 0) + AKRT_TAP(taps, 7) * 1024 + AKRT_TAP(taps, 6) * 1048576;
        words[3] = layer->least[c] * 0x00401004;
        words += AKRT_TAP_WORDS;
    }
}
#undef AKRT_TAP
#endif
