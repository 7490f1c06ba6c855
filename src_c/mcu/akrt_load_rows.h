#ifndef AKRT_LOAD_ROWS_H
#define AKRT_LOAD_ROWS_H
#include "akrt_rows.h"
/* One row of layout "rows" to two words a channel, (y0, y1, y2) and (y3, y4), 10 bits apart.
 * A row that is NULL is the zero border. */
static void akrt_load_rows(const uint8_t *row, int32_t channels, uint32_t *words) {
    if (row == NULL) {
        memset(words, 0, (size_t)channels * 2 * sizeof *words);
        return;
    }
    for (const uint32_t *const end = words + 2 * channels; words < end; words += 4) {
#if AKRT_DSP /* little endian, words anywhere */
        const uint32_t last = row[4];
        uint32_t a;
        memcpy(&a, row, 4);
        words[0] = (a & 15u) | (a >> 4 & 15u) << 10 | (a >> 8 & 15u) << 20;
        words[1] = (a >> 12 & 15u) | (a >> 16 & 15u) << 10;
        words[2] = (a >> 20 & 15u) | (a >> 24 & 15u) << 10 | a >> 28 << 20;
        words[3] = (last & 15u) | last >> 4 << 10;
#else
        const uint32_t a = row[0] | (uint32_t)row[1] << 8, middle = row[2];
        const uint32_t b = row[3] | (uint32_t)row[4] << 8;
        words[0] = (a & 0xfu) | (a & 0xf0u) << 6 | (a & 0xf00u) << 12;
        words[1] = a >> 12 | (middle & 0xfu) << 10;
        words[2] = middle >> 4 | (b & 0xfu) << 10 | (b & 0xf0u) << 16;
        words[3] = (b >> 8 & 0xfu) | (b & 0xf000u) >> 2;
#endif
        row += 5;
    }
}
#endif
