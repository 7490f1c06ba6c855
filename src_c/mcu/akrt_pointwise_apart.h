#ifndef AKRT_POINTWISE_APART_H
#define AKRT_POINTWISE_APART_H
#include "akrt_runs.h"
#if !AKRT_DSP
/* Depthwise results of a run, by channels. */
typedef int32_t akrt_mid;

/* A pair of filters at one position where sums leave 16 bits; results of a channel lie `next`
 * behind those of the one before. Weights are words: four channels of one filter, then of the next.
 */
static void akrt_pointwise_apart(const akrt_mid *a, int32_t next, const uint32_t *weights,
                                 int32_t quads, int32_t *to) {
    int32_t even = 0, odd = 0;
    for (int32_t q = 0; q < quads; q++) {
        uint32_t word = weights[q];
        for (int32_t k = 0; k < 4; k++) {
            even += *a * ((int32_t)(word & 15u) - 8);
            odd += *a * ((int32_t)(word >> 16 & 15u) - 8);
            word >>= 4;
            a += next;
        }
    }
    to[0] = even;
    to[1] = odd;
}
#endif
#endif
