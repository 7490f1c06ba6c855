/* akrt: integer kernels of the Akida 1.0 arithmetic.
 *
 * Tensors are NHWC; the first spatial axis is X, the second Y. A kernel owns no memory and keeps
 * no state: every buffer is the caller's, and any number of threads may call it at once.
 * No kernel divides, and none uses floating point.
 *
 * Names: akrt_<op>_<types>[_<variant>]__<arch>; u8 s16 s32 are the types of operand and weight.
 */
#ifndef AKRT_KERNELS_H
#define AKRT_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AKRT_POTENTIAL_MIN (-524288) /* the chip's accumulators have 20 bits */
#define AKRT_POTENTIAL_MAX 524287

/* A window that slides over an (in_x, in_y, channels) tensor. pad_* is the border before the
 * first element; what lies beyond the last needs no number. */
typedef struct akrt_window {
    int32_t in_x, in_y, channels;
    int32_t out_x, out_y;
    int32_t size_x, size_y;
    int32_t stride_x, stride_y;
    int32_t pad_x, pad_y;
} akrt_window;

/* Copies the window at output position (x, y), as (size_x, size_y, channels), to `patch`;
 * `border` stands in for what is outside the input. */
void akrt_patch_u8__ref(const akrt_window *w, const uint8_t *input, int32_t x, int32_t y,
                        int16_t border, int16_t *patch);

/* out[r * filters + f] = sum over k of a[r * depth + k] * weights[f * depth + k].
 * The caller has bounded every partial sum to 32 bits. */
void akrt_matmul_s16s16__ref(const int16_t *a, const int16_t *weights, int32_t rows, int32_t depth,
                             int32_t filters, int32_t *out);
void akrt_matmul_s32s16__ref(const int32_t *a, const int16_t *weights, int32_t rows, int32_t depth,
                             int32_t filters, int32_t *out);

/* One output row of a depthwise convolution with a zero border: out[y * depth + c] for every y of
 * the row `x`; weights are (size_x, size_y, channels); the tail channels..depth is zeroed.
 * The s16 variant is for results whose every partial sum is within 16 bits. */
void akrt_dwconv_u8s16_s16__ref(const akrt_window *w, const uint8_t *input, const int16_t *weights,
                                int32_t x, int32_t depth, int16_t *out);
void akrt_dwconv_u8s16_s32__ref(const akrt_window *w, const uint8_t *input, const int16_t *weights,
                                int32_t x, int32_t depth, int32_t *out);

/* Saturates n potentials to 20 bits in place. */
void akrt_saturate_s32__ref(int32_t *potentials, int32_t n);

/* out (out_x, out_y, channels) = the largest potential of each window; the border never wins. */
void akrt_maxpool_s32__ref(const akrt_window *w, const int32_t *input, int32_t *out);

/* Adds `positions` rows of `channels` potentials to `sum`, saturating after every addition. */
void akrt_sumpool_s32__ref(const int32_t *potentials, int32_t positions, int32_t channels,
                           int32_t *sum);

/* Activation as a count: out = how many of the `count` levels of its channel a potential exceeds.
 * levels is (count, channels), ascending. Good for any potential, threshold and step. */
void akrt_act_s32_levels__ref(const int32_t *potentials, const int32_t *levels, int32_t count,
                              int32_t positions, int32_t channels, uint8_t *out);

/* The same by bisection: v = 16 * (potential - threshold) exceeds 0, 1, 2 ... times `step`.
 * bits is 1, 2 or 4. The caller has bounded |potential - threshold| and step: below 2^23 and at
 * most 2^27. */
void akrt_act_s32_bisect__ref(const int32_t *potentials, const int32_t *threshold,
                              const int32_t *step, int32_t bits, int32_t positions,
                              int32_t channels, uint8_t *out);

#ifdef __cplusplus
}
#endif
#endif
