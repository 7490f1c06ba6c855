#ifndef AKRT_WIDE_LINES_H
#define AKRT_WIDE_LINES_H
#include "akrt_bytes_lines.h"
#include "akrt_unpack_line.h"
/* akrt_bytes_lines of lines of nibbles. scratch: AKRT_WIDE_LINES_SCRATCH_WORDS, `line` being the
 * bytes of a line of the input. */
#define AKRT_WIDE_LINES_SCRATCH_WORDS(inputs, filters, size_x, line)                               \
    (AKRT_BYTES_LINES_SCRATCH_WORDS(inputs, filters) + (size_x) * (((int32_t)(line) + 3) >> 2))
AKRT_LAYER static void akrt_wide_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                       void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t words = (w->in_y * w->channels + 3) >> 2;
    const void *bytes[AKRT_LINES_MOST];
    for (int32_t i = 0; i < w->size_x; i++) {
        bytes[i] = NULL;
        if (lines[i] != NULL) {
            akrt_unpack_line(layer, lines + i, scratch, scratch);
            bytes[i] = scratch;
        }
        scratch += words;
    }
    akrt_bytes_lines(layer, bytes, target, scratch);
}
#endif
