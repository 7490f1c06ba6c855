#ifndef AKRT_PRODUCT_H
#define AKRT_PRODUCT_H
#include "akrt_runs.h"
/* Products of inputs and weights of at most 4 bits, several to a multiplication.
 *
 * Weights are biased to 0..15 and come in pairs of filters, four inputs to a word; inputs lie in a
 * patch, (inputs, positions). At most AKRT_PRODUCT_TAPS products are added up in one field. Minus
 * eight times the sum of a position's inputs takes the bias off. */
#if AKRT_MVE
/* 16 inputs of one filter to an instruction. Weights are (filters, 32 inputs) in 16 bytes: the
 * first sixteen in the low nibbles. Patches are (positions, inputs), inputs a multiple of 32. */
#define AKRT_PRODUCT_TAPS 288 /* they fit a patch */
#define AKRT_PRODUCT_PAD(inputs) (((int32_t)(inputs) + 31) / 32 * 32)
#define AKRT_PRODUCT_WORDS(inputs)                                                                 \
    (AKRT_RUN * ((inputs) < AKRT_PRODUCT_TAPS ? AKRT_PRODUCT_PAD(inputs) : AKRT_PRODUCT_TAPS) / 4)

/* Sums of two positions for two filters, whose weights lie `step` bytes apart: sums (2, 2). */
static inline void akrt_product_two(const uint8_t *a, const uint8_t *b, int32_t size,
                                    const uint8_t *weights, int32_t step, uint32_t *sums) {
    const uint8_t *const other = weights + step;
    const uint8x16_t nibble = vdupq_n_u8(15);
    uint32_t s0 = 0, s1 = 0, t0 = 0, t1 = 0;
    for (int32_t k = 0; k < size; k += 32) {
        const uint8x16_t a0 = vld1q_u8(a + k), a1 = vld1q_u8(a + k + 16);
        const uint8x16_t b0 = vld1q_u8(b + k), b1 = vld1q_u8(b + k + 16);
        const uint8x16_t u = vld1q_u8(weights + (k >> 1)), v = vld1q_u8(other + (k >> 1));
        const uint8x16_t u0 = vandq_u8(u, nibble), u1 = vshrq_n_u8(u, 4);
        const uint8x16_t v0 = vandq_u8(v, nibble), v1 = vshrq_n_u8(v, 4);
        s0 = vmladavaq_u8(s0, a0, u0);
        s1 = vmladavaq_u8(s1, b0, u0);
        t0 = vmladavaq_u8(t0, a0, v0);
        t1 = vmladavaq_u8(t1, b0, v0);
        s0 = vmladavaq_u8(s0, a1, u1);
        s1 = vmladavaq_u8(s1, b1, u1);
        t0 = vmladavaq_u8(t0, a1, v1);
        t1 = vmladavaq_u8(t1, b1, v1);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = t0;
    sums[3] = t1;
}

static inline uint32_t akrt_product_sum(const uint8_t *patch, int32_t size) {
    uint32_t sum = 0;
    for (int32_t k = 0; k < size; k += 16) {
        sum = vaddvaq_u8(sum, vld1q_u8(patch + k));
    }
    return sum;
}
#elif AKRT_LONG_MLA
/* Two positions 14 bits apart times two filters 28 bits apart: one long multiply-accumulate is
 * four products. A patch word has two positions; a word of weights (nibbles from the lowest) the
 * first filter's inputs 0, 1, 2, 3 in nibbles 0, 2, 4, 6 and the second's in 7, 1, 3, 5. */
#define AKRT_PRODUCT_TAPS 72 /* 72 * 15 * 15 is below 2^14 */
#define AKRT_PRODUCT_WORDS(inputs)                                                                 \
    (AKRT_RUN / 2 * ((int32_t)(inputs) < 72 ? ((int32_t)(inputs) + 3) / 4 * 4 : 72))
#define AKRT_PRODUCT_MASK 0xf000000fu

static inline uint32_t akrt_rotated(uint32_t word, int32_t bits) {
    return word >> bits | word << ((32 - bits) & 31);
}
#else
/* One position times two filters 16 bits apart. A word of weights (nibbles from the lowest) has
 * four inputs of the first filter, then of the second. */
#define AKRT_PRODUCT_TAPS 288 /* 288 * 15 * 15 is below 2^16 */
#define AKRT_PRODUCT_WORDS(inputs)                                                                 \
    (AKRT_RUN * ((int32_t)(inputs) < 288 ? ((int32_t)(inputs) + 3) / 4 * 4 : 288) / 4 + 1)
#define AKRT_PRODUCT_MASK 0x000f000fu
#endif
#endif
