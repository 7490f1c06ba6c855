#include "akrt/target.h"

#ifdef AKRT_AVXVNNI
#include <immintrin.h>

#include "x86/target_avxvnni.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#include "x86/depthwise_scaled_256.h"

/* One instruction and no more: compilers copy and spill accumulators around the intrinsic. */
AKRT_INLINE void dot_u8s8(vec *sum, vec a, vec w) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(*sum) : "x"(a), "x"(w));
}

#include "x86/target_end.h"
#endif
