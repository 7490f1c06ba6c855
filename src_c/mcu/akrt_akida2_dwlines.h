#ifndef AKRT_AKIDA2_DWLINES_H
#define AKRT_AKIDA2_DWLINES_H
#include "akrt_akida2_dwsums.h"
#include "akrt_akida2_emit_sums.h"
/* A depthwise convolution of Akida 2.0 without pooling, of bytes that are not shifted; weights:
 * (size_x, size_y, channels). Where its lines are as long as those of its input, which has as many,
 * and it moves by one, it may write over its input: lines that are needed yet are copied first.
 * scratch: AKRT_AKIDA2_DWLINES_SCRATCH_WORDS, `kept` being one line more than are before the first,
 * or none, and `line` bytes of a line of the input. */
#define AKRT_AKIDA2_DWLINES_SCRATCH_WORDS(channels, kept, line)                                    \
    ((int32_t)(channels) + (int32_t)(kept) * (((int32_t)(line) + 3) / 4))
#define AKRT_AKIDA2_DWLINES_SIZE 16 /* of a kernel, at the most */

static void akrt_akida2_dwlines(const akrt_akida2_layer *layer, const uint8_t *input, void *output,
                                int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t line = w->in_y * w->channels, before = w->pad_x;
    const int32_t words = (line + 3) / 4;
    const int in_place = input == (const uint8_t *)output;
    int32_t *const kept = scratch + w->channels; /* line i in place i % (before + 1) */
    const uint8_t *lines[AKRT_AKIDA2_DWLINES_SIZE];
    int32_t at = 0;
    for (int32_t x = 0; x < w->out_x; x++) {
        const int32_t from = x * w->stride_x - w->pad_x;
        if (in_place) {
            memcpy(kept + x % (before + 1) * words, input + x * line, (size_t)line);
        }
        for (int32_t i = 0; i < w->size_x; i++) {
            const int32_t read = from + i;
            lines[i] = NULL;
            if (read >= 0 && read < w->in_x) {
                lines[i] = in_place && read <= x
                               ? (const uint8_t *)(kept + read % (before + 1) * words)
                               : input + read * line;
            }
        }
        for (int32_t y = 0; y < w->out_y; y++) {
            akrt_akida2_dwsums(layer, lines, y, scratch);
            akrt_akida2_emit_sums(layer, scratch, output, at);
            at += w->channels;
            AKRT_TICK();
        }
    }
}
#endif
