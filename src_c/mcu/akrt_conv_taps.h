#ifndef AKRT_CONV_TAPS_H
#define AKRT_CONV_TAPS_H
#include "akrt_rows.h"
/* Potentials of a pair of filters at five positions: patch is (taps, 5), weights (taps, 2). */
#if defined(__thumb2__) && !defined(AKRT_PORTABLE)
/* With a long multiply-accumulate the weights of both filters share a multiplication: the word
 * w0 + w1 * 2^22 gives both sums at once, each within 21 bits and sign (taps <= 64). */
AKRT_IN_ORDER static void akrt_conv_taps_long(const int32_t *patch, const int8_t *weights, int32_t taps,
                                int32_t *even, int32_t *odd) {
    int64_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0;
    for (int32_t k = 0; k < taps; k++) {
        const int32_t w = weights[0] + weights[1] * 4194304;
        s0 += (int64_t)patch[0] * w;
        s1 += (int64_t)patch[1] * w;
        s2 += (int64_t)patch[2] * w;
        s3 += (int64_t)patch[3] * w;
        s4 += (int64_t)patch[4] * w;
        patch += AKRT_ROW_WIDTH;
        weights += 2;
    }
#define AKRT_HALVES(y, sum)                                                                        \
    do {                                                                                           \
        even[y] = (int32_t)((uint32_t)(sum) << 10) >> 10;                                          \
        odd[y] = (int32_t)(((sum) + 2097152) >> 22);                                               \
    } while (0)
    AKRT_HALVES(0, s0);
    AKRT_HALVES(1, s1);
    AKRT_HALVES(2, s2);
    AKRT_HALVES(3, s3);
    AKRT_HALVES(4, s4);
#undef AKRT_HALVES
}
#endif

AKRT_IN_ORDER static void akrt_conv_taps(const int32_t *patch, const int8_t *weights, int32_t taps, int32_t *even,
                           int32_t *odd) {
#if defined(__thumb2__) && !defined(AKRT_PORTABLE)
    if (taps <= 64) { /* 64 * 255 * 128 is below 2^21 */
        akrt_conv_taps_long(patch, weights, taps, even, odd);
        return;
    }
#endif
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
