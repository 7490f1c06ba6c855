#ifndef AKRT_LEVEL_H
#define AKRT_LEVEL_H
#include "akrt_rows.h"
static uint32_t akrt_clip4(int32_t level) {
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
    uint32_t clipped;
    __asm__("usat %0, #4, %1" : "=r"(clipped) : "r"(level));
    return clipped;
#else
    return (uint32_t)level <= 15u ? (uint32_t)level : ~(uint32_t)(level >> 31) & 15u;
#endif
}

/* 4-bit activation of a potential by multiply-add: see akrt_requant. */
static uint32_t akrt_level_muladd(int32_t potential, akrt_requant r, int32_t shift) {
    return akrt_clip4((potential * r.factor + r.addend) >> shift);
}

static uint32_t akrt_level_high(int32_t potential, akrt_requant r, int32_t shift) {
    const int64_t product = (int64_t)(potential * 2048) * r.factor;
    return akrt_clip4(((int32_t)(product >> 32) + r.addend) >> shift);
}

/* Activation of 1, 2 or 4 bits by bisection. */
static uint32_t akrt_level_bisect(int32_t potential, akrt_requant r, int32_t bits) {
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
