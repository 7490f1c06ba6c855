#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#include "x86/depthwise_scaled_256.h"

/* The caller has bounded the sum of two products to 16 bits. */
AKRT_INLINE void dot_u8s8(vec *sum, vec a, vec w) {
    const vec pairs = _mm256_madd_epi16(_mm256_maddubs_epi16(a, w), _mm256_set1_epi16(1));
    *sum = _mm256_add_epi32(*sum, pairs);
}

#include "x86/target_end.h"
#endif
