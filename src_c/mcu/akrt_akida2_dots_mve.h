#ifndef AKRT_AKIDA2_DOTS_MVE_H
#define AKRT_AKIDA2_DOTS_MVE_H
#include "akrt_akida2_layer.h"
#include "akrt_tick.h"
#if AKRT_MVE
/* As akrt_akida2_dots says: 16 inputs of two filters at two positions at a time. */
static void akrt_akida2_dots(const void *positions_a, const void *positions_b,
                             const int8_t *weights, int32_t inputs, int32_t filters,
                             int32_t *sums) {
    const int8_t *const a = (const int8_t *)positions_a, *const b = (const int8_t *)positions_b;
    int32_t done = 0;
    for (int32_t f = 0; f < filters; f += 2) {
        const int8_t *const first = weights;
        const int8_t *const second = f + 1 < filters ? weights + inputs : weights;
        int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0, i = 0;
        for (; i + 16 <= inputs; i += 16) {
            const int8x16_t at_a = vldrbq_s8(a + i), at_b = vldrbq_s8(b + i);
            int8x16_t w = vldrbq_s8(first + i);
            a0 = vmladavaq_s8(a0, at_a, w);
            b0 = vmladavaq_s8(b0, at_b, w);
            w = vldrbq_s8(second + i);
            a1 = vmladavaq_s8(a1, at_a, w);
            b1 = vmladavaq_s8(b1, at_b, w);
        }
        if (i < inputs) { /* lanes beyond are zero */
            const mve_pred16_t rest = vctp8q((uint32_t)(inputs - i));
            const int8x16_t at_a = vldrbq_z_s8(a + i, rest), at_b = vldrbq_z_s8(b + i, rest);
            int8x16_t w = vldrbq_z_s8(first + i, rest);
            a0 = vmladavaq_s8(a0, at_a, w);
            b0 = vmladavaq_s8(b0, at_b, w);
            w = vldrbq_z_s8(second + i, rest);
            a1 = vmladavaq_s8(a1, at_a, w);
            b1 = vmladavaq_s8(b1, at_b, w);
        }
        sums[f] = a0;
        sums[f + filters] = b0;
        if (f + 1 < filters) {
            sums[f + 1] = a1;
            sums[f + 1 + filters] = b1;
        }
        weights += 2 * inputs;
        AKRT_TICK_WORK(done, 4 * inputs);
    }
}
#endif
#endif
