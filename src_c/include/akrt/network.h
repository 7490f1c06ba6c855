/* akrt: a planned network and how to run it.
 *
 * The caller has decided everything: which path each layer takes, with which constants, and where
 * in one arena every tensor and scratch lies. akrt_layer_prepare adds how a layer uses its scratch;
 * running decides nothing again. akrt/kernels/headers.py reads these structures: one declaration
 * a line of the form `type name, name;`, enumerators that start with AKRT_. */
#ifndef AKRT_NETWORK_H
#define AKRT_NETWORK_H

#include <stddef.h>

#include "akrt/arch.h"
#include "akrt/scaled.h"
#include "akrt/temporal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In a structure with a `kind` and a union `of`, the kind says which member of the union is meant:
 * that of the same name, or none where there is no such member. */

/* How potentials become the output of a layer. From AKRT_ACT_FUSED_SCALE on the product writes
 * activations itself. */
typedef enum akrt_act {
    AKRT_ACT_POTENTIALS,  /* not at all: the output is int32 */
    AKRT_ACT_LEVELS,      /* akrt_act_s32_levels */
    AKRT_ACT_BISECT,      /* akrt_act_s32_bisect */
    AKRT_ACT_SCALE,       /* akrt_act_s32_scale */
    AKRT_ACT_SCALED,      /* akrt_act_s32_scaled */
    AKRT_ACT_FINISH,      /* akrt_finish_sums */
    AKRT_ACT_FUSED_SCALE, /* akrt_matmul_u8s8_u8 */
    AKRT_ACT_FUSED_SHORT, /* akrt_matmul_u8s8_u8_short */
    AKRT_ACT_FUSED_LANES, /* the paths HALVES, LANES and DEPTHWISE_LANES */
    AKRT_ACT_FUSED_SCALED /* akrt_matmul_u8s8_s8, akrt_dwconv_u8s8_s8 */
} akrt_act;

typedef struct akrt_levels {
    const int32_t *levels; /* (count, filters) */
    int32_t count;
} akrt_levels;

typedef struct akrt_bisect {
    const int32_t *threshold; /* (filters) */
    const int32_t *step;      /* (filters), floor(16 * act_step) << (4 - bits) */
    int32_t bits;
} akrt_bisect;

typedef union akrt_activations {
    akrt_levels levels;
    akrt_bisect bisect;
    akrt_scale scale;
    akrt_scaled scaled;
    akrt_finish finish;
    akrt_scale fused_scale; /* the product starts from its threshold */
    akrt_short_scale fused_short;
    akrt_lanes fused_lanes;
    akrt_scaled fused_scaled;
} akrt_activations;

typedef struct akrt_activation {
    akrt_act kind;
    akrt_activations of;
} akrt_activation;

/* How a spatial layer makes the rows of its product, and which product that is. */
typedef enum akrt_path {
    AKRT_PATH_DIRECT,           /* the input is the matrix; bytes */
    AKRT_PATH_PATCHES,          /* each window is copied; bytes */
    AKRT_PATH_LINES,            /* the product walks windows over lines with a border; bytes */
    AKRT_PATH_HALVES,           /* each window is copied; bytes are multiplied in halves */
    AKRT_PATH_SHORT_ROWS,       /* each window is copied as 16 bits */
    AKRT_PATH_LANES,            /* likewise; akrt_matmul_s16s16_u8 */
    AKRT_PATH_DEPTHWISE_BYTES,  /* depthwise results as bytes and what these did not hold */
    AKRT_PATH_DEPTHWISE_SHORT,  /* depthwise results as 16 bits */
    AKRT_PATH_DEPTHWISE_LANES,  /* likewise; akrt_matmul_s16s16_u8 */
    AKRT_PATH_DEPTHWISE_WIDE,   /* depthwise results as 32 bits; weights are (filters, depth) */
    AKRT_PATH_DEPTHWISE_SUMS,   /* depthwise results are what is wanted */
    AKRT_PATH_DEPTHWISE_SCALED, /* outputs of them; akrt_dwconv_u8s8_s8 */
    AKRT_PATH_EXACT             /* any sums, of an input as it is */
} akrt_path;

typedef struct akrt_direct {
    akrt_product product;
} akrt_direct;

typedef struct akrt_patches {
    akrt_product product;
    uint8_t border; /* what is around the input */
} akrt_patches;

typedef struct akrt_lines {
    akrt_product product; /* its window is set for as many output rows as are made at once */
    akrt_window line;     /* a line of the input with its border, as a patch */
    akrt_window inner;    /* the windows of one output row over their lines */
    uint8_t border;
} akrt_lines;

typedef struct akrt_halves {
    uint8_t border;
} akrt_halves;

typedef struct akrt_short_rows {
    akrt_short_product product;
    uint8_t border;
} akrt_short_rows;

typedef struct akrt_row_lanes {
    uint8_t border;
} akrt_row_lanes;

typedef struct akrt_depthwise_bytes {
    const int8_t *depthwise; /* (size_x, size_y, channels) */
    const int32_t *offset;   /* akrt_dwconv_u8s8_u8 */
    akrt_product product;
} akrt_depthwise_bytes;

typedef struct akrt_depthwise_short {
    const int16_t *depthwise; /* (size_x, size_y, channels) */
    akrt_short_product product;
} akrt_depthwise_short;

typedef struct akrt_depthwise_lanes {
    const int16_t *depthwise;
} akrt_depthwise_lanes;

typedef union akrt_paths {
    akrt_direct direct;
    akrt_patches patches;
    akrt_lines lines;
    akrt_halves halves;
    akrt_short_rows short_rows;
    akrt_row_lanes lanes;
    akrt_depthwise_bytes depthwise_bytes;
    akrt_depthwise_short depthwise_short;
    akrt_depthwise_lanes depthwise_lanes;
    akrt_depthwise_short depthwise_wide;
    akrt_depthwise_sums depthwise_sums;
    akrt_depthwise_scaled depthwise_scaled;
    akrt_exact exact;
} akrt_paths;

typedef struct akrt_multiply {
    akrt_path kind;
    akrt_paths of;
} akrt_multiply;

typedef enum akrt_pool {
    AKRT_POOL_NONE,
    AKRT_POOL_MAX,           /* of potentials, which saturate first */
    AKRT_POOL_MAX_ACTIVATED, /* of activations: the same, where no level is beyond 20 bits */
    AKRT_POOL_SUM,           /* over all positions, saturating after each */
    AKRT_POOL_COLLAPSED,     /* the same, but before the product where no sum can saturate */
    AKRT_POOL_MAX_SUMS,      /* of sums of products, as they are */
    AKRT_POOL_SUM_CLIPPED,   /* over all positions of what is activated: akrt_clipsum_s32 */
    AKRT_POOL_SUM_FINISHED   /* the same for AKRT_ACT_FINISH, whatever the sums */
} akrt_pool;

/* What AKRT_POOL_COLLAPSED needs: akrt_collapsed_sum. The caller has bounded positions * potential
 * and 2^15 * depth * weight to 32 bits. */
typedef struct akrt_collapse {
    const int16_t *depthwise;  /* (size_x, size_y, channels) */
    const int16_t *weights;    /* as akrt_matmul_s16s16 wants them */
    const int16_t *magnitudes; /* likewise, of the weights' magnitudes */
    int32_t depth, filters;
} akrt_collapse;

typedef union akrt_poolings {
    akrt_window max;
    akrt_window max_activated;
    akrt_collapse collapsed;
    akrt_window max_sums;
    akrt_clipped sum_clipped;
} akrt_poolings;

typedef struct akrt_pooling {
    akrt_pool kind;
    akrt_poolings of;
} akrt_pooling;

typedef enum akrt_op {
    AKRT_OP_ADD,         /* two inputs, element by element */
    AKRT_OP_DENSE_BYTES, /* one row of bytes; saturates */
    AKRT_OP_DENSE_SHORT, /* one row of 16 bits; saturates */
    AKRT_OP_SPATIAL,
    AKRT_OP_SHIFTED_ADD, /* from here on nothing is activated */
    AKRT_OP_CONCATENATE,
    AKRT_OP_QUANTISE,
    AKRT_OP_DEQUANTISE,
    AKRT_OP_COMPARE,
    AKRT_OP_RECURRENT /* activated as a spatial one */
} akrt_op;

typedef struct akrt_add {
    int32_t positions;
} akrt_add;

typedef struct akrt_dense_bytes {
    akrt_product product;
    int32_t inputs; /* of the product's depth */
} akrt_dense_bytes;

typedef struct akrt_dense_short {
    akrt_short_product product;
    int32_t inputs;
} akrt_dense_short;

typedef struct akrt_spatial {
    akrt_window window;
    akrt_multiply multiply;
    akrt_pooling pooling;
    int32_t flip;        /* bytes of the input are signed; the path takes them plus 128 */
    const uint8_t *lift; /* (channels) factors with which bytes of the input stay bytes, or NULL */
} akrt_spatial;

typedef union akrt_ops {
    akrt_add add;
    akrt_dense_bytes dense_bytes;
    akrt_dense_short dense_short;
    akrt_spatial spatial;
    akrt_shifted_add shifted_add;
    akrt_concatenate concatenate;
    akrt_quantise quantise;
    akrt_dequantise dequantise;
    akrt_compare compare;
    akrt_recurrent recurrent;
} akrt_ops;

typedef struct akrt_operation {
    akrt_op kind;
    akrt_ops of;
} akrt_operation;

/* Scratch of a layer, as offsets in bytes; akrt_layer_prepare makes it. At 0 are the rows that a
 * product reads, with `rest` and `spill` beside them where bytes are multiplied; `potentials` is
 * what it writes. AKRT_POOL_MAX keeps these for the whole tensor, everything else for `at_once`
 * output rows, or positions of an addition. `pooled` is what comes out of pooling, or the
 * activations that go into it; `flipped` is an input whose bytes were signed, `recalled` one with
 * those before it. */
typedef struct akrt_scratch {
    int32_t at_once;
    size_t rest, spill, potentials, pooled, flipped, recalled, bytes;
} akrt_scratch;

typedef struct akrt_layer {
    const akrt_kernels *kernels; /* which run it, and whose packing the weights have */
    int32_t filters;
    akrt_operation operation; /* a spatial one of what is recalled, if something is */
    akrt_activation activation;
    akrt_recall recall;
    akrt_scratch scratch;
} akrt_layer;

/* Bytes to which an arena and the offsets in it are aligned. */
#define AKRT_ALIGNMENT 64

/* A tensor that is not in the arena but the caller's. */
#define AKRT_CALLER SIZE_MAX

/* A layer in its place. Offsets in the arena, or AKRT_CALLER. */
typedef struct akrt_node {
    akrt_layer layer;
    size_t inputs[2]; /* only what joins two has a second */
    size_t output;
    size_t scratch;
    size_t memory; /* in the network's memory; any, where the layer remembers nothing */
} akrt_node;

typedef struct akrt_network {
    const akrt_node *nodes; /* each after those whose outputs it takes */
    int32_t count;
    size_t input_bytes, output_bytes; /* of one sample */
} akrt_network;

/* Fills in layer->scratch; returns its bytes. */
size_t akrt_layer_prepare(akrt_layer *layer);

/* One sample through one layer. output: uint8_t, or int32_t without activation, or what the plan
 * says; it may be the first input of an addition. The scratch is aligned. memory: what the layer
 * remembers, aligned as int32_t; any, where that is nothing. */
void akrt_layer_run(const akrt_layer *layer, const uint8_t *const inputs[2], void *output,
                    void *memory, void *scratch);

/* `samples` samples through all layers: steps in time, in order, where layers remember. The arena
 * is aligned; memory: what all layers remember. */
void akrt_network_run(const akrt_network *network, const uint8_t *input, int32_t samples,
                      void *output, void *memory, void *arena);

/* What a node keeps from one window of a stream to the next: rows of its output or, of
 * AKRT_POOL_SUM, of the potentials that it adds up. */
typedef struct akrt_kept {
    int32_t rows;        /* 0: it keeps nothing */
    int32_t first, come; /* rows from `first` to before `come` are in the window before, too, */
    int32_t moved;       /* so many rows later */
    size_t row_bytes;
    size_t at; /* where they lie: the offset of the output, or of the potentials */
} akrt_kept;

typedef struct akrt_hop_node {
    akrt_node node;
    akrt_kept kept;
} akrt_hop_node;

/* A network whose input moves on along X. Offsets from arena_bytes on are in what a stream keeps:
 * whether there was a window, the window before at AKRT_ALIGNMENT, and then what the nodes keep. */
typedef struct akrt_hops {
    const akrt_hop_node *nodes;
    int32_t count;
    size_t input_bytes, output_bytes; /* of one sample */
    size_t moved_bytes;               /* by which the input moves */
    size_t arena_bytes;
} akrt_hops;

/* Some output rows of a layer that has max pooling or none, or of an addition. rows: of its whole
 * output. */
void akrt_layer_run_rows(const akrt_layer *layer, const uint8_t *const inputs[2], int32_t from,
                         int32_t to, int32_t rows, void *output, void *scratch);

/* Some rows of the potentials that AKRT_POOL_SUM adds up. potentials: of all rows. */
void akrt_layer_potentials(const akrt_layer *layer, const uint8_t *input, int32_t from, int32_t to,
                           int32_t *potentials, void *scratch);

/* A layer with AKRT_POOL_SUM, from the potentials of all its rows. */
void akrt_layer_sum(const akrt_layer *layer, const int32_t *potentials, void *output,
                    void *scratch);

/* akrt_network_run, with the same outputs for any samples. Where one is that before it, or the last
 * of the call before with this `kept`, moved on, the rows that both have are not computed again.
 * kept: of one stream, aligned, zeros before its first call. The arena's contents are irrelevant
 * between calls. */
void akrt_hops_run(const akrt_hops *hops, const uint8_t *input, int32_t samples, void *output,
                   void *kept, void *arena);

#ifdef __cplusplus
}
#endif
#endif
