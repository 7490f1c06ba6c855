#ifndef AKRT_SCALED_H
#define AKRT_SCALED_H
#include <stdint.h>
#include "akrt_right_shift.h"

#if defined(__thumb__) && !defined(__thumb2__) && !defined(AKRT_SHORT_MULTIPLY)
#define AKRT_SHORT_MULTIPLY
#endif

/* Fixed-point products. Cores without a 32 x 32 -> 64 multiply make them of shorter ones; the
 * results are the same. */

/* floor(a * w / 65536), w from -32768 to 32767. */
static inline int32_t akrt_scaled(int32_t a, int32_t w) {
#if defined(AKRT_SHORT_MULTIPLY)
    return (a >> 16) * w + ((int32_t)((uint32_t)a & 0xffffu) * w >> 16);
#else
    return (int32_t)((int64_t)a * (w * 65536) >> 32);
#endif
}

/* floor(a * w / 2^32). */
static inline int32_t akrt_high_word(int32_t a, int32_t w) {
#if defined(AKRT_SHORT_MULTIPLY)
    const int32_t a_high = a >> 16, w_high = w >> 16;
    const uint32_t a_low = (uint32_t)a & 0xffffu, w_low = (uint32_t)w & 0xffffu;
    const int32_t upper = a_high * (int32_t)w_low + (int32_t)(a_low * w_low >> 16);
    const int32_t lower = (int32_t)a_low * w_high + (int32_t)((uint32_t)upper & 0xffffu);
    return a_high * w_high + (upper >> 16) + (lower >> 16);
#else
    return (int32_t)((int64_t)a * w >> 32);
#endif
}

/* Leading zeros of a number that is not zero. */
static inline int32_t akrt_leading_zeros(uint32_t value) {
#if defined(__GNUC__) && __SIZEOF_INT__ == 4 && !defined(AKRT_SHORT_MULTIPLY)
    return __builtin_clz(value);
#else
    int32_t zeros = 0;
    for (int32_t step = 16; step != 0; step >>= 1) {
        if (value >> (32 - step) == 0) {
            value <<= step;
            zeros += step;
        }
    }
    return zeros;
#endif
}
#endif
