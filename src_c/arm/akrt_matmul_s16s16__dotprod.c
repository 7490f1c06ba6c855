#include <stdint.h> /* elsewhere the file would be empty, which C forbids */

#if defined(__AARCH64EL__) && defined(__GNUC__)
#include "arm/target_dotprod.h"

#include "akrt/kernels.h"

#include <arm_neon.h>
#include <string.h>

#define BLOCK 8      /* filters side by side in the weights, two registers of sums */
#define CARRY 0x7F80 /* from here on the upper byte, rounded to nearest, is 128 */

void akrt_matmul_s16s16__neon(const int16_t *a, const int16_t *weights, int32_t rows, int32_t depth,
                              int32_t filters, int32_t *out);

/* sdot multiplies bytes: sum[f] += the four weights of filter f by the four bytes x[lane]. Weights
 * always fit a byte; an operand a is 256 * upper + lower with both signed, and each is summed on
 * its own. Written as the instruction itself because older compilers hide the intrinsic. */
#define DOT(sum, w, x, lane)                                                                       \
    __asm__("sdot %0.4s, %1.16b, %2.4b[" #lane "]" : "+w"(sum) : "w"(w), "w"(x))

/* Bytes of four inputs by filter, from two registers of pairs: the order is 0, 2, 1, 3. */
static inline __attribute__((always_inline)) int8x16_t bytes(int16x8_t k01, int16x8_t k23) {
    return vreinterpretq_s8_s16(vsliq_n_s16(k01, k23, 8));
}

/* `rows` rows by one block of filters, of which `kept` exist; `wide` operands have an upper byte.
 */
static inline __attribute__((always_inline)) void tile(const int16_t *a, const int16_t *weights,
                                                       int32_t depth, int32_t filters, int32_t *out,
                                                       const int rows, const int wide,
                                                       int32_t kept) {
    /* lower bytes of inputs 0..3 and 4..7, then the upper ones, in the order of the weights */
    static const uint8_t order[16] = {0, 4, 2, 6, 8, 12, 10, 14, 1, 5, 3, 7, 9, 13, 11, 15};
    const uint8x16_t split = vld1q_u8(order);
    const int16x8_t half = vdupq_n_s16(128);
    int32x4_t lower[4][2], upper[4][2];
    for (int r = 0; r < rows; r++) {
        lower[r][0] = lower[r][1] = upper[r][0] = upper[r][1] = vdupq_n_s32(0);
    }
    for (int32_t k = 0; k < depth; k += 8, weights += 8 * BLOCK) {
        int8x16_t x[4];
        for (int r = 0; r < rows; r++) {
            int16x8_t v = vld1q_s16(a + (size_t)r * (size_t)depth + k);
            v = wide ? veorq_s16(vaddq_s16(v, half), half) : v;
            x[r] = vqtbl1q_s8(vreinterpretq_s8_s16(v), split);
        }
        for (int b = 0; b < 2; b++) {
            const int16_t *from = weights + 8 * b;
            const int8x16_t w0 = bytes(vld1q_s16(from), vld1q_s16(from + 2 * BLOCK));
            const int8x16_t w1 = bytes(vld1q_s16(from + 4 * BLOCK), vld1q_s16(from + 6 * BLOCK));
            for (int r = 0; r < rows; r++) {
                DOT(lower[r][b], w0, x[r], 0);
                DOT(lower[r][b], w1, x[r], 1);
                if (wide) {
                    DOT(upper[r][b], w0, x[r], 2);
                    DOT(upper[r][b], w1, x[r], 3);
                }
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        int32_t sums[BLOCK];
        int32_t *to = out + (size_t)r * (size_t)filters;
        int32_t *all = kept == BLOCK ? to : sums;
        for (int b = 0; b < 2; b++) {
            vst1q_s32(all + 4 * b,
                      wide ? vaddq_s32(lower[r][b], vshlq_n_s32(upper[r][b], 8)) : lower[r][b]);
        }
        if (kept < BLOCK) {
            memcpy(to, sums, (size_t)kept * sizeof *to);
        }
    }
}

static inline __attribute__((always_inline)) void product(const int16_t *a, const int16_t *weights,
                                                          int32_t rows, int32_t depth,
                                                          int32_t filters, int32_t *out,
                                                          const int wide) {
    const size_t step = (size_t)depth, stride = (size_t)filters;
    for (int32_t f = 0; f < filters; f += BLOCK, weights += BLOCK * step) {
        const int32_t kept = filters - f < BLOCK ? filters - f : BLOCK;
        size_t r = 0;
        for (; r + 4 <= (size_t)rows; r += 4) {
            tile(a + r * step, weights, depth, filters, out + r * stride + f, 4, wide, kept);
        }
        for (; r + 2 <= (size_t)rows; r += 2) {
            tile(a + r * step, weights, depth, filters, out + r * stride + f, 2, wide, kept);
        }
        if (r < (size_t)rows) {
            tile(a + r * step, weights, depth, filters, out + r * stride + f, 1, wide, kept);
        }
    }
}

void AKRT_FN(akrt_matmul_s16s16)(const int16_t *a, const int16_t *weights, int32_t rows,
                                 int32_t depth, int32_t filters, int32_t *out) {
    int16x8_t least = vdupq_n_s16(0), most = least;
    for (size_t k = 0; k < (size_t)rows * (size_t)depth; k += 8) {
        const int16x8_t v = vld1q_s16(a + k);
        least = vminq_s16(least, v);
        most = vmaxq_s16(most, v);
    }
    if (vminvq_s16(least) >= INT8_MIN && vmaxvq_s16(most) <= INT8_MAX) {
        product(a, weights, rows, depth, filters, out, 0);
    } else if (vmaxvq_s16(most) < CARRY) {
        product(a, weights, rows, depth, filters, out, 1);
    } else {
        akrt_matmul_s16s16__neon(a, weights, rows, depth, filters, out);
    }
}

#include "arm/target_end.h"
#endif
