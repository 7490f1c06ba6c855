#ifndef AKRT_MAX_LINE_MVE_H
#define AKRT_MAX_LINE_MVE_H
#include "akrt_lines.h"
#include "akrt_tick.h"
#if AKRT_MVE
/* Max pooling of activations by vectors: of bytes, the larger has the larger high nibble. */
AKRT_LAYER static void akrt_max_line(const akrt_mcu_layer *layer, const void *const *lines,
                                     void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->pool;
    const int32_t pitch = 4 * AKRT_LINE_WORDS(layer->filters);
    uint8_t *to = (uint8_t *)target;
    (void)scratch;
    for (int32_t y = 0; y < w->out_y; y++) {
        const int32_t from = y * w->stride_y - w->pad_y, first = from < 0 ? 0 : from;
        const int32_t end = from + w->size_y < w->in_y ? from + w->size_y : w->in_y;
        for (int32_t at = 0; at < pitch; at += 16) {
            const mve_pred16_t there = vctp8q((uint32_t)(pitch - at));
            uint8x16_t high = vdupq_n_u8(0), low = high;
            for (int32_t i = 0; i < w->size_x; i++) {
                const uint8_t *a = (const uint8_t *)lines[i] + first * pitch + at;
                for (int32_t v = first; lines[i] != NULL && v < end; v++) {
                    const uint8x16_t both = vldrbq_z_u8(a, there);
                    high = vmaxq_u8(high, both);
                    low = vmaxq_u8(low, vshlq_n_u8(both, 4));
                    a += pitch;
                }
            }
            vstrbq_p_u8(to + at, vsriq_n_u8(high, low, 4), there);
            AKRT_TICK_AT(at);
        }
        to += pitch;
        AKRT_TICK_AT(y);
    }
}
#endif
#endif
