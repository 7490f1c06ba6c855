/* akrt: integer kernels of the Akida arithmetic; kernels.inc lists and explains them.
 *
 * Tensors are NHWC; the first spatial axis is X, the second Y. A kernel owns no memory and keeps
 * no state: every buffer is the caller's, and any number of threads may call it at once.
 * No kernel uses floating point, and none divides but to find its way in a tensor.
 *
 * Names: akrt_<op>_<types>[_<variant>]__<arch>; u8 s16 s32 are the types of operand and weight.
 */
#ifndef AKRT_KERNELS_H
#define AKRT_KERNELS_H

#include "akrt/target.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AKRT_POTENTIAL_MIN (-524288) /* the chip's accumulators have 20 bits */
#define AKRT_POTENTIAL_MAX 524287

/* A file of ref/ is compiled for the architecture AKRT_ARCH: its function is AKRT_FN(stem). */
#ifndef AKRT_ARCH
#define AKRT_ARCH ref
#endif
#define AKRT_JOIN2(name, arch) name##__##arch
#define AKRT_JOIN(name, arch) AKRT_JOIN2(name, arch)
#define AKRT_FN(name) AKRT_JOIN(name, AKRT_ARCH)

/* A window that slides over an (in_x, in_y, channels) tensor. pad_* is the border before the
 * first element; what lies beyond the last needs no number. */
typedef struct akrt_window {
    int32_t in_x, in_y, channels;
    int32_t out_x, out_y;
    int32_t size_x, size_y;
    int32_t stride_x, stride_y;
    int32_t pad_x, pad_y;
} akrt_window;

/* Constants of akrt_act_s32_scale, one a channel; the shift is common. `fine` may be NULL. */
typedef struct akrt_scale {
    const int32_t *threshold, *top;
    const uint32_t *mul, *add, *fine;
    uint32_t shift;
} akrt_scale;

#define AKRT_FINE_SHIFT 12

/* Constants of akrt_matmul_u8s8_u8 for sums that are scaled to 16 bits: kernels.inc. */
typedef struct akrt_short_scale {
    const int16_t *factor; /* one a channel; NULL: the weights have it */
    const uint16_t *mul;   /* one a channel */
    uint32_t shift;        /* 1..15 */
    uint8_t top;
} akrt_short_scale;

/* The largest depth of an akrt_matmul_u8s8_* without `chain`: kernels.inc. */
#define AKRT_WIDE_DEPTH 256

/* The constant side of akrt_matmul_u8s8_*: kernels.inc. */
typedef struct akrt_product {
    const int8_t *weights;
    const int16_t *rest_weights;
    const int32_t *start;
    int32_t depth, filters, chain;
    const akrt_window *window; /* NULL, or which windows of `a` are multiplied: kernels.inc */
} akrt_product;

/* The constant side of the products that add up in 16 bits, one lane a filter: kernels.inc. */
typedef struct akrt_lanes {
    const int16_t *weights;
    const int16_t *start, *top; /* these and the following: one a filter, filled up to 16 */
    const uint16_t *factor, *offset, *mul;
    uint16_t unit; /* divides by 2^16 / unit: a variable shift would need 32-bit lanes */
    int32_t depth, filters;
    int32_t limit; /* magnitudes of a row that sum up to no more keep all its sums in 16 bits */
    const int16_t *low_start; /* this and the following: akrt_matmul_u8s16_u8 only */
    const uint16_t *step, *sixteenths;
    int16_t count; /* of levels */
} akrt_lanes;

/* Constants of akrt_act_s32_scaled, one a channel; `start` may be NULL. */
typedef struct akrt_scaled {
    const int32_t *start, *low, *high, *mul, *add, *shift;
    int32_t least, most;
} akrt_scaled;

#define AKRT_KERNEL(name, arguments) void AKRT_FN(name) arguments;
#include "akrt/kernels.inc"
#undef AKRT_KERNEL

#ifdef __cplusplus
}
#endif
#endif
