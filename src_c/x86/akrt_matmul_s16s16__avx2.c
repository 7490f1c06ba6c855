#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx2.h"

#include "akrt/kernels.h"
#include "x86/unroll.h"

#include <string.h>

#define LANES 8 /* filters in a register */

AKRT_INLINE __m256i pair(const int16_t *a) {
    int32_t both;
    memcpy(&both, a, sizeof both);
    return _mm256_set1_epi32(both);
}

/* rows x blocks registers of sums; `tail` filters of the last block exist. */
AKRT_INLINE void tile(const int16_t *a, const int16_t *weights, int32_t depth, int32_t filters,
                      int32_t *out, const int rows, const int blocks, int32_t tail) {
    __m256i sum[5][2];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            sum[r][b] = _mm256_setzero_si256();
        }
    }
    for (int32_t k = 0; k < depth; k += 2) {
        __m256i w[2];
        UNROLL
        for (int b = 0; b < blocks; b++) {
            const int16_t *from = weights + (size_t)b * LANES * (size_t)depth + (size_t)k * LANES;
            w[b] = _mm256_loadu_si256((const __m256i *)(const void *)from);
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            const __m256i x = pair(a + (size_t)r * (size_t)depth + k);
            UNROLL
            for (int b = 0; b < blocks; b++) {
                sum[r][b] = _mm256_add_epi32(sum[r][b], _mm256_madd_epi16(w[b], x));
            }
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            int32_t *to = out + (size_t)r * (size_t)filters + (size_t)b * LANES;
            if (b + 1 < blocks || tail == LANES) {
                _mm256_storeu_si256((__m256i *)(void *)to, sum[r][b]);
            } else {
                int32_t kept[LANES];
                _mm256_storeu_si256((__m256i *)(void *)kept, sum[r][b]);
                memcpy(to, kept, (size_t)tail * sizeof *to);
            }
        }
    }
}

AKRT_INLINE void columns(const int16_t *a, const int16_t *weights, int32_t rows, int32_t depth,
                         int32_t filters, int32_t *out, const int blocks, int32_t tail) {
    const size_t step = (size_t)depth, stride = (size_t)filters;
    int32_t r = 0;
    for (; r + 5 <= rows; r += 5) {
        tile(a + (size_t)r * step, weights, depth, filters, out + (size_t)r * stride, 5, blocks,
             tail);
    }
    for (; r + 2 <= rows; r += 2) {
        tile(a + (size_t)r * step, weights, depth, filters, out + (size_t)r * stride, 2, blocks,
             tail);
    }
    if (r < rows) {
        tile(a + (size_t)r * step, weights, depth, filters, out + (size_t)r * stride, 1, blocks,
             tail);
    }
}

void AKRT_FN(akrt_matmul_s16s16)(const int16_t *a, const int16_t *weights, int32_t rows,
                                 int32_t depth, int32_t filters, int32_t *out) {
    for (int32_t f = 0; f < filters; f += 2 * LANES) {
        const int16_t *w = weights + (size_t)f * (size_t)depth;
        const int32_t left = filters - f;
        if (left > LANES) {
            columns(a, w, rows, depth, filters, out + f, 2,
                    left >= 2 * LANES ? LANES : left - LANES);
        } else {
            columns(a, w, rows, depth, filters, out + f, 1, left);
        }
    }
}

#include "x86/target_end.h"
#endif
