#ifndef AKRT_PRODUCT_H
#define AKRT_PRODUCT_H
#include "akrt_runs.h"
/* Products of inputs and weights of at most 4 bits, several to a multiplication.
 *
 * Weights are biased to 0..15 and come in pairs of filters, four inputs to a word; inputs lie in a
 * patch, (inputs, positions). At most AKRT_PRODUCT_TAPS products are added up in one field. Minus
 * eight times the sum of a position's inputs takes the bias off. */
#if AKRT_LONG_MLA
/* Two positions 14 bits apart times two filters 28 bits apart: one long multiply-accumulate is
 * four products. A patch word has two positions; a word of weights (nibbles from the lowest) the
 * first filter's inputs 0, 1, 2, 3 in nibbles 0, 2, 4, 6 and the second's in 7, 1, 3, 5. */
#define AKRT_PRODUCT_TAPS 144 /* at most; the first word of a convolution's weights tells */
#define AKRT_PRODUCT_WORDS(inputs)                                                                 \
    (AKRT_RUN / 2 * ((int32_t)(inputs) < 140 ? ((int32_t)(inputs) + 7) / 4 * 4 : 144))
#define AKRT_PRODUCT_MASK 0xf000000fu

static inline uint32_t akrt_rotated(uint32_t word, int32_t bits) {
    return word >> bits | word << ((32 - bits) & 31);
}
#endif
#endif
