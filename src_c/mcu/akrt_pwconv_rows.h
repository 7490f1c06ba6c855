#ifndef AKRT_PWCONV_ROWS_H
#define AKRT_PWCONV_ROWS_H
#include "akrt_pwconv_quads.h"
#if !AKRT_DSP
#define AKRT_SPLIT(y, operation)                                                                   \
    do {                                                                                           \
        even[y] operation(int16_t)(sums[y] & 0xffffu);                                             \
        odd[y] operation(int32_t)(sums[y] + 0x8000u) >> 16;                                        \
    } while (0)

/* Potentials of one pair of filters at the five positions of a row.
 *
 * Two filters share a multiplication: their weights + 8 lie 16 bits apart. Over `group` channels
 * the exporter has bounded both filters' sums to 16 bits signed; starting from -8 times the sum of
 * the depthwise results (`start`, one row of five a group) the word is exactly
 * sum0 + sum1 * 2^16, and both come out of it whole. */
static void akrt_pwconv_rows(const akrt_rows_layer *layer, const uint32_t *mid,
                             const uint32_t *start, const uint32_t *weights, int32_t *even,
                             int32_t *odd) {
    for (int32_t c = 0; c < layer->channels; c += layer->group) {
        const int32_t left = layer->channels - c;
        const int32_t quads = (left < layer->group ? left : layer->group) >> 2;
        uint32_t sums[AKRT_ROW_WIDTH];
        akrt_pwconv_quads(mid, weights, quads, start, sums);
        if (c == 0) {
            AKRT_SPLIT(0, =);
            AKRT_SPLIT(1, =);
            AKRT_SPLIT(2, =);
            AKRT_SPLIT(3, =);
            AKRT_SPLIT(4, =);
        } else {
            AKRT_SPLIT(0, +=);
            AKRT_SPLIT(1, +=);
            AKRT_SPLIT(2, +=);
            AKRT_SPLIT(3, +=);
            AKRT_SPLIT(4, +=);
        }
        mid += quads * 4 * AKRT_ROW_WIDTH;
        weights += quads;
        start += AKRT_ROW_WIDTH;
    }
}
#undef AKRT_SPLIT
#endif
#endif
