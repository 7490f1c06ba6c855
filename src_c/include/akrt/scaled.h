/* akrt: what layers of Akida 2.0 are made of, as a plan says it. docs/numeric_contract.md has the
 * arithmetic. `bits` are of signed integers at which a number saturates, shifts to the left are
 * positive; arrays have an element a filter where nothing else is said. */
#ifndef AKRT_SCALED_H
#define AKRT_SCALED_H

#include "akrt/kernels.h"

/* All that becomes of sums of products, in 64 bits, whatever they are: good for every layer. */
typedef struct akrt_finish {
    const int32_t *start;       /* what the sums lack, or NULL */
    const int32_t *bias;        /* shifted and saturated */
    const int32_t *most;        /* of a ReLU, or NULL */
    const uint8_t *index_scale; /* of a look-up table; NULL: there is none */
    const int8_t *index_shift;
    const int32_t *table; /* 2048 */
    const uint8_t *scale;
    const int8_t *shift;
    int32_t buffer_bits, bits;
    int32_t bias_first;      /* whether the bias joins before the sums saturate */
    int32_t low, high, item; /* of the output: its range, and bytes of an element */
} akrt_finish;

/* Sums of products as they are defined: in 64 bits, then wrapped around to 32, or saturated. The
 * window of a transposed convolution has stride 2, and pad_* are what is cut off in front. */
typedef struct akrt_exact {
    const int8_t *weights;      /* (size_x, size_y, channels, filters); no filters: depthwise */
    const uint8_t *input_shift; /* (channels), or NULL */
    const uint8_t *border;      /* (channels), or NULL: zeros */
    int32_t buffer_bits;        /* of a shifted input */
    int32_t has_sign;           /* whether the input has */
    int32_t depthwise, transposed, wraps;
    int32_t steps; /* depthwise sums saturate at every tap, at buffer_bits */
} akrt_exact;

/* A depthwise convolution and nothing more, of bytes. */
typedef struct akrt_depthwise_sums {
    const int16_t *depthwise; /* (size_x, size_y, channels) */
    uint8_t border;
} akrt_depthwise_sums;

/* The same with weights of 8 bits. */
typedef struct akrt_depthwise_scaled {
    const int8_t *depthwise;
    uint8_t border;
} akrt_depthwise_scaled;

/* A sum over all positions of bounded sums of products, in 32 bits: akrt_clipsum_s32. */
typedef struct akrt_clipped {
    const int32_t *start; /* or NULL */
    const int32_t *low, *high;
} akrt_clipped;

/* Two inputs of bytes, element by element. */
typedef struct akrt_shifted_add {
    const uint8_t *first_shift, *second_shift; /* (filters) */
    const int8_t *shift;
    int32_t positions, first_has_sign, second_has_sign;
    int32_t buffer_bits, low, high, item;
} akrt_shifted_add;

typedef struct akrt_concatenate {
    int32_t positions, first_bytes, second_bytes; /* bytes of a position of each input */
} akrt_concatenate;

/* Floats to bytes: round(x * scale) + zero, halves away from zero. */
typedef struct akrt_quantise {
    const float *scale;
    const uint8_t *zero;
    int32_t positions, channels_first, low, high;
} akrt_quantise;

/* Integers to floats. */
typedef struct akrt_dequantise {
    const float *scale;
    int32_t positions, has_sign, item; /* of the input: bytes of an element */
} akrt_dequantise;

#endif
