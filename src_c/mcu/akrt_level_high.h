#ifndef AKRT_LEVEL_HIGH_H
#define AKRT_LEVEL_HIGH_H
#include "akrt_clip4.h"
/* The same by the high word of a product: see akrt_requant. */
static inline uint32_t akrt_level_high(int32_t potential, akrt_requant r, int32_t shift) {
#if AKRT_DSP
    int32_t sum;
    __asm__("smmla %0, %1, %2, %3"
            : "=r"(sum)
            : "r"(potential * 2048), "r"(r.factor), "r"(r.addend));
    return akrt_clip4(sum >> shift);
#else
    const int64_t product = (int64_t)(potential * 2048) * r.factor;
    return akrt_clip4(((int32_t)(product >> 32) + r.addend) >> shift);
#endif
}
#endif
