#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define LANES 16 /* filters in a register */

/* One instruction and no more: compilers copy and spill accumulators around the intrinsic. */
AKRT_INLINE void dot(__m512i *sum, __m512i a, __m512i b) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(b));
}

AKRT_INLINE __m512i pair(const int16_t *a) {
    int32_t both;
    memcpy(&both, a, sizeof both);
    return _mm512_set1_epi32(both);
}

/* rows x blocks registers of sums; `last` masks the filters of the last block that exist. */
AKRT_INLINE void tile(const int16_t *a, const int16_t *weights, int32_t depth, int32_t filters,
                      int32_t *out, const int rows, const int blocks, __mmask16 last) {
    __m512i sum[5][4];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            sum[r][b] = _mm512_setzero_si512();
        }
    }
    for (int32_t k = 0; k < depth; k += 2) {
        __m512i w[4];
        UNROLL
        for (int b = 0; b < blocks; b++) {
            w[b] =
                _mm512_loadu_si512(weights + (size_t)b * LANES * (size_t)depth + (size_t)k * LANES);
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            const __m512i x = pair(a + (size_t)r * (size_t)depth + k);
            UNROLL
            for (int b = 0; b < blocks; b++) {
                dot(&sum[r][b], w[b], x);
            }
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            const __mmask16 mask = b + 1 == blocks ? last : (__mmask16)0xFFFF;
            _mm512_mask_storeu_epi32(out + (size_t)r * (size_t)filters + (size_t)b * LANES, mask,
                                     sum[r][b]);
        }
    }
}

AKRT_INLINE void columns(const int16_t *a, const int16_t *weights, int32_t rows, int32_t depth,
                         int32_t filters, int32_t *out, const int blocks, __mmask16 last) {
    const size_t step = (size_t)depth, stride = (size_t)filters;
    int32_t r = 0;
    for (; r + 5 <= rows; r += 5) {
        tile(a + (size_t)r * step, weights, depth, filters, out + (size_t)r * stride, 5, blocks,
             last);
    }
    switch (rows - r) {
    case 4:
        tile(a + (size_t)r * step, weights, depth, filters, out + (size_t)r * stride, 4, blocks,
             last);
        break;
    case 3:
        tile(a + (size_t)r * step, weights, depth, filters, out + (size_t)r * stride, 3, blocks,
             last);
        break;
    case 2:
        tile(a + (size_t)r * step, weights, depth, filters, out + (size_t)r * stride, 2, blocks,
             last);
        break;
    case 1:
        tile(a + (size_t)r * step, weights, depth, filters, out + (size_t)r * stride, 1, blocks,
             last);
        break;
    default:
        break;
    }
}

void AKRT_FN(akrt_matmul_s16s16)(const int16_t *a, const int16_t *weights, int32_t rows,
                                 int32_t depth, int32_t filters, int32_t *out) {
    for (int32_t f = 0; f < filters; f += 4 * LANES) {
        const int16_t *w = weights + (size_t)f * (size_t)depth;
        const int32_t left = filters - f;
        const int32_t blocks = left >= 4 * LANES ? 4 : (left + LANES - 1) / LANES;
        const int32_t tail = left - (blocks - 1) * LANES;
        const __mmask16 last = (__mmask16)(tail >= LANES ? 0xFFFFu : (1u << tail) - 1u);
        if (blocks == 4) {
            columns(a, w, rows, depth, filters, out + f, 4, last);
        } else if (blocks == 3) {
            columns(a, w, rows, depth, filters, out + f, 3, last);
        } else if (blocks == 2) {
            columns(a, w, rows, depth, filters, out + f, 2, last);
        } else {
            columns(a, w, rows, depth, filters, out + f, 1, last);
        }
    }
}

#include "x86/target_end.h"
#endif
