#ifndef AKRT_CONV_TAPS_H
#define AKRT_CONV_TAPS_H
#include "akrt_rows.h"
/* Potentials of a pair of filters at five positions: patch is (taps, 5), weights (taps, 2). */
static void akrt_conv_taps(const int32_t *patch, const int8_t *weights, int32_t taps, int32_t *even,
                           int32_t *odd) {
    for (int32_t second = 0; second < 2; second++) {
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0;
        const int32_t *a = patch;
        int32_t *out = second ? odd : even;
        for (int32_t k = 0; k < taps; k++) {
            const int32_t w = weights[2 * k + second];
            s0 += a[0] * w;
            s1 += a[1] * w;
            s2 += a[2] * w;
            s3 += a[3] * w;
            s4 += a[4] * w;
            a += AKRT_ROW_WIDTH;
        }
        out[0] = s0;
        out[1] = s1;
        out[2] = s2;
        out[3] = s3;
        out[4] = s4;
    }
}
#endif
