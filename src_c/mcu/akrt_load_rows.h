#ifndef AKRT_LOAD_ROWS_H
#define AKRT_LOAD_ROWS_H
#include "akrt_rows.h"
/* One row of layout "rows" to two words a channel with three fields each: (0, y0, y1) and
 * (y2, y3, y4) in 10 bits, or, for a long multiply, (y0, y1, y2) and (y3, y4) in 12 bits.
 * A row that is NULL is the zero border. */
static void akrt_load_rows(const uint8_t *row, int32_t channels, uint32_t *words) {
    if (row == NULL) {
        memset(words, 0, (size_t)channels * 2 * sizeof *words);
        return;
    }
    for (int32_t c = 0; c < channels; c += 2) {
        const uint32_t a = row[0] | (uint32_t)row[1] << 8 | (uint32_t)row[2] << 16;
        const uint32_t b = (uint32_t)row[2] >> 4 | (uint32_t)row[3] << 4 | (uint32_t)row[4] << 12;
#if AKRT_LONG_MLA
        words[0] = (a & 0xfu) | (a & 0xf0u) << 8 | (a & 0xf00u) << 16;
        words[1] = (a >> 12 & 0xfu) | (a >> 4 & 0xf000u);
        words[2] = (b & 0xfu) | (b & 0xf0u) << 8 | (b & 0xf00u) << 16;
        words[3] = (b >> 12 & 0xfu) | (b >> 4 & 0xf000u);
#else
        words[0] = (a & 0xfu) << 10 | (a & 0xf0u) << 16;
        words[1] = (a >> 8 & 0xfu) | (a >> 2 & 0x3c00u) | (a & 0xf0000u) << 4;
        words[2] = (b & 0xfu) << 10 | (b & 0xf0u) << 16;
        words[3] = (b >> 8 & 0xfu) | (b >> 2 & 0x3c00u) | (b & 0xf0000u) << 4;
#endif
        words += 4;
        row += 5;
    }
}
#endif
