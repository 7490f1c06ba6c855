/* akrt: a planned network and how to run it.
 *
 * The caller fills an akrt_network once, with packed weights, and gives an arena of
 * akrt_network_arena_bytes() for each call in flight. */
#ifndef AKRT_NETWORK_H
#define AKRT_NETWORK_H

#include <stddef.h>

#include "akrt/arch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum akrt_op {
    AKRT_CONV,      /* plain convolution, with `border` around the input */
    AKRT_SEPARABLE, /* depthwise then pointwise */
    AKRT_DENSE      /* one row of in_x * in_y * channels inputs; saturates */
} akrt_op;

typedef enum akrt_pool { AKRT_POOL_NONE, AKRT_POOL_MAX, AKRT_POOL_SUM } akrt_pool;

typedef enum akrt_act {
    AKRT_ACT_NONE,   /* the output is the potential, int32 */
    AKRT_ACT_LEVELS, /* akrt_act_s32_levels */
    AKRT_ACT_BISECT, /* akrt_act_s32_bisect */
    AKRT_ACT_SCALE,  /* akrt_act_s32_scale */
    AKRT_ACT_SHORT,  /* akrt_matmul_u8s8_u8_short: only for bytes, and not after pooling */
    AKRT_ACT_LANES   /* akrt_matmul_u8s16_u8 for a convolution with `step` in its constants, else
                        akrt_matmul_s16s16_u8; not for `bytes`, and not after pooling */
} akrt_act;

typedef struct akrt_layer {
    const akrt_arch *arch; /* whose kernels run it, and whose packing `weights` has */
    akrt_op op;
    akrt_pool pool;
    akrt_act act;
    akrt_window conv;     /* the convolution; AKRT_DENSE uses in_* and channels only */
    akrt_window max_pool; /* AKRT_POOL_MAX: over the potentials */
    int32_t filters;
    int32_t depth;           /* row length of `weights`, a multiple of 8, padded with zeros; of 4
                                for a convolution or dense layer that multiplies bytes */
    int32_t act_bits;        /* 1, 2 or 4 */
    int32_t activates_first; /* AKRT_POOL_MAX: pooling the activations is the same, as no level is
                                beyond 20 bits */
    int32_t wide_depthwise;  /* depthwise results need 32 bits */
    int16_t border;
    const int16_t
        *weights; /* akrt_matmul_s16s16's packing; (filters, depth) for a wide depthwise */
    const int16_t *depthwise;  /* (size_x, size_y, channels) */
    const int16_t *magnitudes; /* NULL, or what `weights` is, of the weights' magnitudes. With them
                                  AKRT_SEPARABLE + AKRT_POOL_SUM sums before the pointwise product
                                  where no sum can saturate; the caller has bounded positions *
                                  potential and 2^15 * depth * weight to 32 bits. */
    int32_t bytes;             /* multiply bytes: of the fields below, AKRT_SEPARABLE uses all */
    akrt_product product;      /* akrt_matmul_u8s8_*; its depth and filters are those above */
    int32_t walks; /* AKRT_CONV in bytes: the product reads windows from the input's lines with
                      their border, and `weights` are packed for that */
    const int8_t *byte_depthwise; /* (size_x, size_y, channels) */
    const int32_t *offset;        /* akrt_dwconv_u8s8_u8 */
    const int32_t *threshold;     /* (filters): AKRT_ACT_BISECT */
    const int32_t *step; /* (filters): AKRT_ACT_BISECT, floor(16 * act_step) << (4 - bits) */
    akrt_lanes lanes;    /* AKRT_ACT_LANES; its filters and depth are those above, but for bytes,
                            whose depth is the size of the window */
    akrt_scale scale;    /* AKRT_ACT_SCALE */
    akrt_short_scale short_scale; /* AKRT_ACT_SHORT */
    const int32_t *levels;        /* (2^bits - 1, filters): AKRT_ACT_LEVELS */
} akrt_layer;

typedef struct akrt_network {
    const akrt_layer *layers;
    int32_t count;
} akrt_network;

/* Elements of one sample that a layer takes and gives. */
size_t akrt_layer_input_size(const akrt_layer *layer);
size_t akrt_layer_output_size(const akrt_layer *layer);

/* Bytes of 16-byte aligned scratch that akrt_layer_run needs. */
size_t akrt_layer_scratch_bytes(const akrt_layer *layer);

/* One sample through one layer. output: uint8_t, or int32_t without activation. */
void akrt_layer_run(const akrt_layer *layer, const uint8_t *input, void *output, void *scratch);

/* Bytes of 16-byte aligned arena that akrt_network_run needs. */
size_t akrt_network_arena_bytes(const akrt_network *network);

/* `samples` samples through all layers. */
void akrt_network_run(const akrt_network *network, const uint8_t *input, int32_t samples,
                      void *output, void *arena);

#ifdef __cplusplus
}
#endif
#endif
