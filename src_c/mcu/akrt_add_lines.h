#ifndef AKRT_ADD_LINES_H
#define AKRT_ADD_LINES_H
#include "akrt_emit.h"
/* Two lines, added element by element. scratch: eight words. */
#define AKRT_ADD_LINES_SCRATCH_WORDS 8
AKRT_LAYER static void akrt_add_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                      void *target, int32_t *scratch) {
    const uint32_t *one = (const uint32_t *)lines[0], *other = (const uint32_t *)lines[1];
    const int32_t filters = layer->filters;
    for (int32_t y = 0; y < layer->conv.out_y; y++) {
        for (int32_t f = 0; f < filters; f += 8) {
            uint32_t a = *one++, b = *other++;
            for (int32_t i = 0; i < 8; i++) {
                scratch[i] = (int32_t)((a & 15u) + (b & 15u));
                a >>= 4;
                b >>= 4;
            }
            akrt_emit(layer, scratch, 8, f, filters - f < 8 ? filters - f : 8, y, 1, target);
        }
        AKRT_TICK_AT(y);
    }
}
#endif
