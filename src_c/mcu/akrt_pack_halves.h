#ifndef AKRT_PACK_HALVES_H
#define AKRT_PACK_HALVES_H
#include "akrt_rows.h"
/* The low halves of two words, and the high ones. */
static inline uint32_t akrt_pack_low(uint32_t a, uint32_t b) {
#if AKRT_DSP
    uint32_t both;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(both) : "r"(a), "r"(b));
    return both;
#else
    return (a & 0xffffu) | b << 16;
#endif
}

static inline uint32_t akrt_pack_high(uint32_t a, uint32_t b) {
#if AKRT_DSP
    uint32_t both;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(both) : "r"(b), "r"(a));
    return both;
#else
    return a >> 16 | (b & 0xffff0000u);
#endif
}
#endif
