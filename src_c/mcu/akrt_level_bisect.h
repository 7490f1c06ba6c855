#ifndef AKRT_LEVEL_BISECT_H
#define AKRT_LEVEL_BISECT_H
#include "akrt_rows.h"
/* Activation of 1, 2 or 4 bits by bisection. */
static inline uint32_t akrt_level_bisect(int32_t potential, akrt_requant r, int32_t bits) {
    const int32_t step = r.addend;
    int32_t v = (potential - r.factor) * 16;
    uint32_t n = 0;
    if (bits == 4 && v > 7 * step) {
        v -= 8 * step;
        n = 8;
    }
    if (bits == 4 && v > 3 * step) {
        v -= 4 * step;
        n += 4;
    }
    if (bits != 1 && v > step) {
        v -= 2 * step;
        n += 2;
    }
    return n + (v > 0);
}
#endif
