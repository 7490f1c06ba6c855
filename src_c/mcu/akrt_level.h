#ifndef AKRT_LEVEL_H
#define AKRT_LEVEL_H
#include "akrt_rows.h"
/* Activation of one potential by the layer's rule: see akrt_requant. */
static int32_t akrt_level_muladd(int32_t potential, akrt_requant r, int32_t shift, int32_t top) {
    const int32_t level = (potential * r.factor + r.addend) >> shift;
    return level < 0 ? 0 : level > top ? top : level;
}

static int32_t akrt_level_bisect(int32_t potential, akrt_requant r, int32_t bits) {
    int32_t v = (potential - r.factor) * 16, n = 0;
    for (int32_t half = (int32_t)1 << (bits - 1); half > 0; half >>= 1) {
        if (v > (half - 1) * r.addend) {
            v -= half * r.addend;
            n += half;
        }
    }
    return n;
}
#endif
