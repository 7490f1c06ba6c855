#ifndef AKRT_MID_ROWS_H
#define AKRT_MID_ROWS_H
#include "akrt_dwconv_rows.h"
#include "akrt_load_rows.h"
/* Depthwise results of row `x`. `ring` keeps the words of three rows, row r at r % 3; rows must be
 * asked for in order. Row x + 1 is read here, so that row x may be overwritten from now on. */
static void akrt_mid_rows(const akrt_rows_layer *layer, const uint8_t *input, int32_t x,
                          uint32_t *ring, int32_t *mid) {
    const int32_t words = 2 * layer->channels, row_bytes = layer->channels * 5 / 2;
    const int32_t here = x % 3, below = (x + 1) % 3, above = (x + 2) % 3;
    if (x == 0) {
        akrt_load_rows(NULL, layer->channels, ring + above * words);
        akrt_load_rows(input, layer->channels, ring);
    }
    akrt_load_rows(x + 1 < layer->rows ? input + (x + 1) * row_bytes : NULL, layer->channels,
                   ring + below * words);
    akrt_dwconv_rows(layer, ring + above * words, ring + here * words, ring + below * words, mid);
}
#endif
