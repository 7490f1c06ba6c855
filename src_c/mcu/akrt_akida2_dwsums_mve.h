#ifndef AKRT_AKIDA2_DWSUMS_MVE_H
#define AKRT_AKIDA2_DWSUMS_MVE_H
#include "akrt_akida2_layer.h"
#if AKRT_MVE
/* Eight channels from `c` on: columns `first` to `last` of a window that begins at column `from`.
 */
static inline void akrt_akida2_dwsums_8(const akrt_akida2_layer *layer, const uint8_t *const *lines,
                                        int32_t from, int32_t first, int32_t last, int32_t c,
                                        int32_t *sums) {
    const int32_t channels = layer->conv.channels, size_y = layer->conv.size_y;
    int32x4x2_t sum; /* of even and odd channels */
    sum.val[0] = vdupq_n_s32(0);
    sum.val[1] = vdupq_n_s32(0);
    for (int32_t i = 0; i < layer->conv.size_x; i++) {
        const int8_t *at, *weights;
        if (lines[i] == NULL) {
            continue;
        }
        at = (const int8_t *)lines[i] + (from + first) * channels + c;
        weights = layer->weights + (i * size_y + first) * channels + c;
        for (int32_t j = first; j < last; j++) {
            const int16x8_t value = vldrbq_s16(at), weight = vldrbq_s16(weights);
            sum.val[0] = vaddq_s32(sum.val[0], vmullbq_int_s16(value, weight));
            sum.val[1] = vaddq_s32(sum.val[1], vmulltq_int_s16(value, weight));
            at += channels;
            weights += channels;
        }
    }
    vst2q_s32(sums, sum);
}
#endif
#endif
