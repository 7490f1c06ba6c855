#ifndef AKRT_MCU_LAYER_H
#define AKRT_MCU_LAYER_H
/* What the general kernels know of a layer. Tensors are (X, Y, C), one byte an activation. */
#include <stdint.h>
#include <string.h>
#include "akrt_rows.h"

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

/* What becomes of the potentials of a kernel of lines. */
typedef enum akrt_emission {
    AKRT_EMITS_OUTPUT = 0,    /* activations, or the potentials where there is no activation */
    AKRT_EMITS_SATURATED = 1, /* the same of potentials that saturate first */
    AKRT_EMITS_SUMS = 2       /* sums over positions, which saturate at every addition */
} akrt_emission;

typedef struct akrt_mcu_layer {
    akrt_mcu_window conv; /* a fully connected layer uses in_* and channels only */
    akrt_mcu_window pool; /* of max pooling, over the potentials */
    int32_t filters;
    int32_t weights_bits;        /* 1, 2, 4 or 8 */
    int32_t row_bytes;           /* of one filter in packed weights; see the kernel for others */
    int32_t emits;               /* an akrt_emission; general kernels do not ask */
    int32_t border;              /* value of the input outside its edges */
    akrt_activation activation;  /* POTENTIALS, BISECTION, LEVELS, MULADD or HIGH_WORD */
    const void *weights;         /* rows of packed weights, one a filter, or as the kernel says */
    const void *depthwise;       /* packed, (size_x, size_y, channels), or as the kernel says */
    const akrt_requant *requant; /* (filters), where it is no table of levels */
    const int32_t *levels;       /* (filters, 2^bits - 1), ascending, of a table */
} akrt_mcu_layer;

/* How a layer's potentials at one position are computed. */
typedef void (*akrt_potentials)(const akrt_mcu_layer *layer, const uint8_t *input, int32_t x,
                                int32_t y, int32_t *mid, int32_t *potentials);
#endif
