#ifndef AKRT_ARGMAX_H
#define AKRT_ARGMAX_H
#include "akrt_quotient_key.h"
/* Index of the largest (potential - threshold) / act_step in single precision, the first of
 * equals. Steps are given as a mantissa of 24 bits and, above it, an exponent + 64. */
static int32_t akrt_argmax(const int32_t *potentials, const int32_t *threshold,
                           const uint32_t *step, int32_t count) {
    int32_t best = 0, largest = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t key = akrt_quotient_key((int64_t)potentials[i] - threshold[i],
                                              step[i] & 0x00ffffffu, (int32_t)(step[i] >> 24) - 64);
        if (i == 0 || key > largest) {
            largest = key;
            best = i;
        }
    }
    return best;
}
#endif
