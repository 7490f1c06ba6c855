#ifndef AKRT_HASH_ROWS_H
#define AKRT_HASH_ROWS_H
#include "akrt_nibble.h"
#include "akrt_rows.h"
/* akrt_hash_bytes of a tensor of layout "rows", in the order (X, Y, C). */
static uint32_t akrt_hash_rows(const uint8_t *input, int32_t rows, int32_t width, int32_t channels,
                               int32_t padded) {
    uint32_t hash = 0x811c9dc5u;
    for (int32_t x = 0; x < rows; x++) {
        for (int32_t y = 0; y < width; y++) {
            for (int32_t c = 0; c < channels; c++) {
                hash = (hash ^ akrt_nibble(input, AKRT_NIBBLE_AT(c, y))) * 0x01000193u;
            }
        }
        input += AKRT_ROW_BYTES(padded);
    }
    return hash;
}
#endif
