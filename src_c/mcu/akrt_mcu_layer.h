#ifndef AKRT_MCU_LAYER_H
#define AKRT_MCU_LAYER_H
/* What the general kernels know of a layer. Tensors are (X, Y, C), one byte an activation. */
#include <stdint.h>
#include <string.h>
#include "akrt_activation.h"
#include "akrt_frame.h"

#define AKRT_POTENTIAL_MIN ((int32_t)-524288) /* the chip's accumulators have 20 bits */
#define AKRT_POTENTIAL_MAX ((int32_t)524287)

/* A window that slides over a tensor; pad_* is the border before its first element. */
typedef struct akrt_mcu_window {
    int32_t in_x, in_y, channels;
    int32_t out_x, out_y;
    int32_t size_x, size_y;
    int32_t stride_x, stride_y;
    int32_t pad_x, pad_y;
} akrt_mcu_window;

typedef struct akrt_mcu_layer {
    akrt_mcu_window conv; /* a fully connected layer uses in_* and channels only */
    akrt_mcu_window pool; /* of max pooling, over the potentials */
    int32_t filters;
    int32_t weights_bits;       /* 1, 2, 4 or 8 */
    int32_t row_bytes;          /* of one filter in `weights` */
    int32_t border;             /* value of the input outside its edges */
    akrt_activation activation; /* POTENTIALS, BISECTION or LEVELS */
    const uint8_t *weights;     /* rows of packed weights, one a filter */
    const uint8_t *depthwise;   /* packed, (size_x, size_y, channels), no padding */
    const int32_t *threshold;   /* (filters), of bisection */
    const int32_t *step;        /* (filters), of bisection: floor(16 * act_step) << (4 - bits) */
    const int32_t *levels;      /* (filters, 2^bits - 1), ascending, of a table */
} akrt_mcu_layer;

/* How a layer's potentials at one position are computed. */
typedef void (*akrt_potentials)(const akrt_mcu_layer *layer, const uint8_t *input, int32_t x,
                                int32_t y, int32_t *mid, int32_t *potentials);
#endif
