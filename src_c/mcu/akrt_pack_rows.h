#ifndef AKRT_PACK_ROWS_H
#define AKRT_PACK_ROWS_H
#include "akrt_nibble.h"
#include "akrt_rows.h"
#include "akrt_tick.h"
/* Bytes (X, Y, C) to rows of `padded` channels, an even number. */
static void akrt_pack_rows(const uint8_t *input, int32_t rows, int32_t width, int32_t channels,
                           int32_t padded, uint8_t *output) {
    int32_t done = 0;
    for (int32_t x = 0; x < rows; x++) {
        memset(output, 0, (size_t)AKRT_ROW_BYTES(padded));
        for (int32_t y = 0; y < width; y++) {
            for (int32_t c = 0; c < channels; c++) {
                akrt_set_nibble(output, AKRT_NIBBLE_AT(c, y), *input++);
            }
            AKRT_TICK_WORK(done, channels);
        }
        output += AKRT_ROW_BYTES(padded);
    }
}
#endif
