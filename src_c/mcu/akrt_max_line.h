#ifndef AKRT_MAX_LINE_H
#define AKRT_MAX_LINE_H
#include "akrt_lines.h"
#if AKRT_MVE
#include "akrt_max_line_mve.h"
#endif
#if !AKRT_MVE
#include "akrt_tick.h"
/* Max pooling of activations, which rise with their potentials; what is beyond the edges never
 * wins. */

/* The larger of each two nibbles: in bytes, bit 4 of a + 16 - b tells which. */
static inline uint32_t akrt_max_bytes(uint32_t a, uint32_t b) {
    const uint32_t larger = ((a | 0x10101010u) - b) >> 4 & 0x01010101u;
    const uint32_t mask = larger * 15u;
    return (a & mask) | (b & ~mask);
}

static inline uint32_t akrt_max_nibbles(uint32_t a, uint32_t b) {
    const uint32_t low = 0x0f0f0f0fu;
    return akrt_max_bytes(a & low, b & low) | akrt_max_bytes(a >> 4 & low, b >> 4 & low) << 4;
}

AKRT_LAYER static void akrt_max_line(const akrt_mcu_layer *layer, const void *const *lines,
                                     void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->pool;
    const int32_t words = AKRT_LINE_WORDS(layer->filters);
    uint32_t *to = (uint32_t *)target;
    (void)scratch;
    for (int32_t y = 0; y < w->out_y; y++) {
        const int32_t from = y * w->stride_y - w->pad_y;
        const int32_t first = from < 0 ? 0 : from;
        const int32_t end = from + w->size_y < w->in_y ? from + w->size_y : w->in_y;
        for (int32_t word = 0; word < words; word++) {
            uint32_t most = 0;
            for (int32_t i = 0; i < w->size_x; i++) {
                const uint32_t *const line = (const uint32_t *)lines[i];
                for (int32_t v = first; line != NULL && v < end; v++) {
                    most = akrt_max_nibbles(most, line[v * words + word]);
                }
            }
            *to++ = most;
            AKRT_TICK_AT(word);
        }
        AKRT_TICK_AT(y);
    }
}
#endif
#endif
