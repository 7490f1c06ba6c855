#ifndef AKRT_CLIP4_H
#define AKRT_CLIP4_H
#include "akrt_rows.h"
/* Clips to 0..15. */
static inline uint32_t akrt_clip4(int32_t level) {
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
    uint32_t clipped;
    __asm__("usat %0, #4, %1" : "=r"(clipped) : "r"(level));
    return clipped;
#else
    return (uint32_t)level <= 15u ? (uint32_t)level : ~(uint32_t)(level >> 31) & 15u;
#endif
}
#endif
