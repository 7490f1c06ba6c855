#ifndef AKRT_AKIDA2_LAYER_H
#define AKRT_AKIDA2_LAYER_H
/* What kernels know of a layer of Akida 2.0. Tensors are (X, Y, C), a byte an activation, signed or
 * not, or four where a value needs more. */
#include "akrt_mcu_layer.h"

typedef enum akrt_akida2_activation {
    AKRT_AKIDA2_NONE = 0,
    AKRT_AKIDA2_RELU = 1,
    AKRT_AKIDA2_TABLE = 2
} akrt_akida2_activation;

/* What a filter needs on the way from its sums to its output. */
typedef struct akrt_akida2_filter {
    int32_t bias;       /* shifted and saturated */
    int32_t most;       /* of a ReLU, shifted and saturated */
    uint8_t scale;      /* of the output */
    int8_t shift;       /* of the output: to the left where it is positive */
    uint8_t find_scale; /* the same of what finds the entry of a table */
    int8_t find_shift;
} akrt_akida2_filter;

typedef struct akrt_akida2_layer {
    akrt_mcu_window conv; /* a dense layer has one position and all of the input as channels */
    akrt_mcu_window pool; /* of max pooling */
    int32_t filters;
    int32_t sign;         /* 128 where the bytes of the input are signed, else 0 */
    int32_t output_bytes; /* of an element: 1 or 4 */
    int32_t low, high;    /* of the output */
    int32_t buffer_bits;  /* sums saturate at them */
    int32_t post_bits;    /* and what comes after the sums at these */
    int32_t tap_bytes;    /* of an input as fast kernels gather it: 1 or 2 */
    int32_t flip;         /* fast kernels take 128 off each byte of the input */
    int32_t bias_first;   /* the bias joins the sums before they saturate */
    int32_t activation;   /* an akrt_akida2_activation */
    const int8_t *weights;
    const uint8_t *input_shift; /* by channel, or NULL: nothing is shifted */
    const uint8_t *border;      /* by channel, what is beyond the edges, or NULL: zeros */
    const akrt_akida2_filter *filter;
    /* What fast kernels take besides, or NULL: the output is (sum * factor + addend) >> right,
     * clipped to low and most. */
    const int32_t *addend;
    const uint8_t *factor;
    const uint8_t *right;
    const int8_t *most;
    const int32_t *table; /* 2048 entries, from -1024 on */
} akrt_akida2_layer;

/* The sums of all filters at one position, modulo 2^32. */
typedef void (*akrt_akida2_sums)(const akrt_akida2_layer *layer, const uint8_t *input, int32_t x,
                                 int32_t y, int32_t *sums);

/* The inputs of the window at one position, in `taps` if need be. */
typedef const void *(*akrt_akida2_gather)(const akrt_akida2_layer *layer, const uint8_t *input,
                                          int32_t x, int32_t y, void *taps);

/* Sums of all filters at two positions, modulo 2^32: `inputs` from `a` on give `sums`, those from
 * `b` the `filters` sums behind them. Weights lie in pairs of filters, four inputs of one and four
 * of the other in turn, filled up with zeros to a multiple of four: so many inputs are read. Where
 * AKRT_MVE is 1, weights are (filters, inputs). */
typedef void (*akrt_akida2_dots_of)(const void *a, const void *b, const int8_t *weights,
                                    int32_t inputs, int32_t filters, int32_t *sums);
#define AKRT_AKIDA2_FILLED(inputs) (((int32_t)(inputs) + 3) / 4 * 4)

static inline int32_t akrt_akida2_clip(int64_t value, int32_t low, int32_t high) {
    if (value > high) {
        return high;
    }
    return value < low ? low : (int32_t)value;
}

/* The nearest of signed integers of `bits`, at most 32. */
static inline int32_t akrt_akida2_saturate(int64_t value, int32_t bits) {
    const int32_t high = (int32_t)(0x7fffffffu >> (32 - bits));
    return akrt_akida2_clip(value, -high - 1, high);
}

/* value * 2^shift, rounded to the nearest, halves up; shift: -31 to 31. */
static inline int64_t akrt_akida2_shifted(int32_t value, int32_t shift) {
    if (shift >= 0) {
        return (int64_t)value * ((int64_t)1 << shift);
    }
    return (value + ((int64_t)1 << (-shift - 1))) >> -shift;
}
#endif
