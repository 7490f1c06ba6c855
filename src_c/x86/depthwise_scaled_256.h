/* akrt_dwconv_u8s8_s8 in registers of 256 bits, but for dot_u8s8 of the file that includes it. */
#ifndef AKRT_X86_DEPTHWISE_SCALED_256_H
#define AKRT_X86_DEPTHWISE_SCALED_256_H

#define GROUP 32
#define VEC(intrinsic) _mm256_##intrinsic
typedef __m256i vec;

AKRT_INLINE vec load_bytes(const void *from) { return _mm256_loadu_si256((const vec *)from); }

AKRT_INLINE void store_bytes(void *to, vec bytes) { _mm256_storeu_si256((vec *)to, bytes); }

AKRT_INLINE vec zeros(void) { return _mm256_setzero_si256(); }

/* The numbers of 32 channels in the order that `interleave` leaves. */
AKRT_INLINE void load_numbers(const int32_t *numbers, vec q[4]) {
    UNROLL
    for (int n = 0; n < 4; n++) {
        const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(numbers + 4 * n));
        const __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(numbers + 16 + 4 * n));
        q[n] = _mm256_setr_m128i(low, high);
    }
}

AKRT_INLINE void dot_u8s8(vec *sum, vec a, vec w);

#include "x86/akrt_dwconv_u8s8_s8.tmpl.h"

#endif
