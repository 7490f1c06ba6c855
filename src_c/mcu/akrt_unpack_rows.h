#ifndef AKRT_UNPACK_ROWS_H
#define AKRT_UNPACK_ROWS_H
#include "akrt_nibble.h"
#include "akrt_rows.h"
#include "akrt_tick.h"
/* Rows of `padded` channels, an even number, to bytes (X, Y, C). */
static void akrt_unpack_rows(const uint8_t *input, int32_t rows, int32_t width, int32_t channels,
                             int32_t padded, uint8_t *output) {
    int32_t done = 0;
    for (int32_t x = 0; x < rows; x++) {
        for (int32_t y = 0; y < width; y++) {
            for (int32_t c = 0; c < channels; c++) {
                *output++ = (uint8_t)akrt_nibble(input, AKRT_NIBBLE_AT(c, y));
            }
            AKRT_TICK_WORK(done, channels);
        }
        input += AKRT_ROW_BYTES(padded);
    }
}
#endif
