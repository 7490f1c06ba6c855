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

/* The larger of each two bytes of 4 bits. */
static inline uint32_t akrt_max_bytes(uint32_t a, uint32_t b) {
#if AKRT_DSP
    uint32_t more;
    __asm__("uqsub8 %0, %1, %2" : "=r"(more) : "r"(a), "r"(b));
    return b + more;
#else
    /* bit 4 of a + 16 - b tells which */
    const uint32_t larger = ((a | 0x10101010u) - b) >> 4 & 0x01010101u;
    const uint32_t mask = larger * 15u;
    return (a & mask) | (b & ~mask);
#endif
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
            const uint32_t low = 0x0f0f0f0fu;
            uint32_t even = 0, odd = 0;
            for (int32_t i = 0; i < w->size_x; i++) {
                const uint32_t *at = (const uint32_t *)lines[i];
                if (at == NULL) {
                    continue;
                }
                at += first * words + word;
                for (int32_t v = first; v < end; v++) {
                    even = akrt_max_bytes(even, *at & low);
                    odd = akrt_max_bytes(odd, *at >> 4 & low);
                    at += words;
                }
            }
            *to++ = even | odd << 4;
            AKRT_TICK_AT(word);
        }
        AKRT_TICK_AT(y);
    }
}
#endif
#endif
