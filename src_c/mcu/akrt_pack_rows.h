#ifndef AKRT_PACK_ROWS_H
#define AKRT_PACK_ROWS_H
#include "akrt_rows.h"
#include "akrt_tick.h"
/* Bytes (X, Y, C) to rows of `padded` channels, an even number. */
static void akrt_pack_rows(const uint8_t *input, int32_t rows, int32_t width, int32_t channels,
                           int32_t padded, uint8_t *output) {
    int32_t done = 0;
    for (int32_t x = 0; x < rows; x++) {
        memset(output, 0, (size_t)padded * 5 / 2);
        for (int32_t y = 0; y < width; y++) {
            for (int32_t c = 0; c < channels; c++) {
                const int32_t nibble = c * AKRT_ROW_WIDTH + y;
                output[nibble >> 1] = (uint8_t)(output[nibble >> 1] | *input++ << (nibble & 1) * 4);
            }
            AKRT_TICK_WORK(done, channels);
        }
        output += padded * 5 / 2;
    }
}
#endif
