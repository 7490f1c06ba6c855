#ifndef AKRT_PWCONV_QUADS_H
#define AKRT_PWCONV_QUADS_H
#include "akrt_rows.h"
/* Adds `quads` times four channels to the sums of a pair of filters at five positions:
 * sums[y] += mid[k][y] * (u0[k] + u1[k] * 2^16), modulo 2^32. A word of weights holds four u0 in
 * its low half and four u1 in its high half, so one shift and mask gives both. */
static void akrt_pwconv_quads(const int32_t *mid, const uint32_t *weights, int32_t quads,
                              uint32_t *sums) {
    uint32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], s4 = sums[4];
    for (int32_t q = 0; q < quads; q++) {
        uint32_t word = *weights++;
        for (int32_t i = 0; i < 4; i++) {
            const uint32_t u = word & 0x000f000fu;
            s0 += (uint32_t)mid[0] * u;
            s1 += (uint32_t)mid[1] * u;
            s2 += (uint32_t)mid[2] * u;
            s3 += (uint32_t)mid[3] * u;
            s4 += (uint32_t)mid[4] * u;
            mid += AKRT_ROW_WIDTH;
            word >>= 4;
        }
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = s4;
}
#endif
