#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define GROUP 64
#define VEC(intrinsic) _mm512_##intrinsic
typedef __m512i vec;

/* One instruction and no more: compilers copy and spill accumulators around the intrinsic. */
AKRT_INLINE void dot_u8s8(vec *sum, vec a, vec w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(w));
}

AKRT_INLINE vec load_bytes(const void *from) { return _mm512_loadu_si512(from); }

AKRT_INLINE void store_bytes(void *to, vec bytes) { _mm512_storeu_si512(to, bytes); }

AKRT_INLINE vec zeros(void) { return _mm512_setzero_si512(); }

/* The numbers of 64 channels in the order that `interleave` leaves. */
AKRT_INLINE void load_numbers(const int32_t *numbers, vec q[4]) {
    vec part[4];
    UNROLL
    for (int p = 0; p < 4; p++) {
        part[p] = _mm512_loadu_si512(numbers + 16 * p);
    }
    /* a transposition of quarters */
    const vec a = _mm512_shuffle_i32x4(part[0], part[1], 0x44);
    const vec b = _mm512_shuffle_i32x4(part[0], part[1], 0xEE);
    const vec c = _mm512_shuffle_i32x4(part[2], part[3], 0x44);
    const vec d = _mm512_shuffle_i32x4(part[2], part[3], 0xEE);
    q[0] = _mm512_shuffle_i32x4(a, c, 0x88);
    q[1] = _mm512_shuffle_i32x4(a, c, 0xDD);
    q[2] = _mm512_shuffle_i32x4(b, d, 0x88);
    q[3] = _mm512_shuffle_i32x4(b, d, 0xDD);
}

#include "x86/akrt_dwconv_u8s8_s8.tmpl.h"

#include "x86/target_end.h"
#endif
