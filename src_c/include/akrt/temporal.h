/* akrt: what layers of Akida 2.0 with memory are made of, as a plan says it, and what compares with
 * time. See scaled.h. Memory is the caller's: zeros before the first sample. */
#ifndef AKRT_TEMPORAL_H
#define AKRT_TEMPORAL_H

#include "akrt/kernels.h"

/* A layer that sees its last inputs, of bytes, as lines of one: each line of the oldest, then of
 * the next, and so on to that of now. Its memory holds all but that of now, the oldest first. */
typedef struct akrt_recall {
    int32_t steps; /* inputs that it sees; 0: that of now alone, as it is */
    int32_t lines;
    int32_t line_bytes;
} akrt_recall;

/* The constant side of a product of 16 bits: akrt_matmul_s16s16, or akrt_matmul_s32s16. The depth
 * is a multiple of 8. */
typedef struct akrt_short_product {
    const int16_t *weights;
    int32_t depth, filters;
} akrt_short_product;

/* Complex numbers that follow from themselves and the input, step by step. Memory: real parts,
 * imaginary parts, int32_t. Products whose weights are NULL are made in 64 bits. */
typedef struct akrt_recurrent {
    const uint8_t *input_shift;     /* (channels) */
    const int8_t *in_proj;          /* (channels, states) */
    const int16_t *a_real, *a_imag; /* these and the following: (states) */
    const uint8_t *new_scale;
    const int8_t *new_shift, *state_shift;
    const int8_t *weights; /* (states, filters) */
    akrt_short_product taken, given;
    int32_t steps, channels, states, subsample;
    int32_t item, has_sign; /* of the input: bytes of an element */
    int32_t buffer_bits, bits, state_bits;
} akrt_recurrent;

/* Whether a prediction is further from its target, int16_t, than a threshold. */
typedef struct akrt_compare {
    const uint16_t *scale; /* these: (filters) */
    const int8_t *shift;
    const uint16_t *threshold;
    int32_t steps, prediction; /* which input it is */
    int32_t item;              /* of the prediction: bytes of an element */
    int32_t buffer_bits;
} akrt_compare;

#endif
