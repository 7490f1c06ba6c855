#ifndef AKRT_SEPARABLE_LINES_HALVES_H
#define AKRT_SEPARABLE_LINES_HALVES_H
#include "akrt_pointwise_halves.h"
/* A separable convolution on cores without long multiplication. Windows are of no use any more when
 * potentials are computed. */
#define AKRT_SEPARABLE_LINES_SCRATCH_WORDS(channels, size_x, size_y, stride_y, groups)             \
    (AKRT_RUN * 8 * AKRT_LINE_WORDS(channels) +                                                    \
     AKRT_LARGER((size_x)*AKRT_RUN_COLUMNS(size_y, stride_y),                                      \
                 AKRT_RUN * (12 + (int32_t)(groups))))

AKRT_LAYER static void akrt_separable_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                            void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    akrt_mid *const mid = (akrt_mid *)scratch;
    int32_t *const rest = scratch + AKRT_RUN * 8 * AKRT_LINE_WORDS(w->channels);
    for (int32_t y = 0, count; y < w->out_y; y += count) {
        count = akrt_halves_run(w->out_y - y);
        akrt_depthwise_run(layer, lines, y, count, (uint32_t *)rest, mid);
        akrt_pointwise_run(layer, mid, y, count, rest, target);
        AKRT_TICK();
    }
}
#endif
