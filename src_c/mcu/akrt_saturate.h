#ifndef AKRT_SATURATE_H
#define AKRT_SATURATE_H
#include "akrt_mcu_layer.h"
/* A potential as the chip's 20-bit accumulator holds it. */
static inline int32_t akrt_saturate(int32_t potential) {
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
    int32_t held;
    __asm__("ssat %0, #20, %1" : "=r"(held) : "r"(potential));
    return held;
#else
    if (potential > AKRT_POTENTIAL_MAX) {
        return AKRT_POTENTIAL_MAX;
    }
    return potential < AKRT_POTENTIAL_MIN ? AKRT_POTENTIAL_MIN : potential;
#endif
}
#endif
