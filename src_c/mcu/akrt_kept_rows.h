#ifndef AKRT_KEPT_ROWS_H
#define AKRT_KEPT_ROWS_H
/* Rows of a layer that are kept from one window of a stream to the next. */
#include <stdint.h>
#include <string.h>
#include "akrt_tick.h"

/* The window has moved by `moved` rows: what is now in the rows from `from` to before `to` was
 * that many rows later. bytes: of a row. */
static void akrt_kept_rows(uint8_t *rows, int32_t bytes, int32_t from, int32_t to, int32_t moved) {
    int32_t done = 0;
    for (uint8_t *row = rows + from * bytes; from < to; from++) {
        memcpy(row, row + moved * bytes, (size_t)bytes);
        row += bytes;
        AKRT_TICK_WORK(done, bytes);
    }
}
#endif
