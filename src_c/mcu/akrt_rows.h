#ifndef AKRT_ROWS_H
#define AKRT_ROWS_H
/* Tensors of layout "rows": activations of at most 4 bits, at most 5 positions on Y.
 *
 * (X, pairs of channels, 5 bytes): the low nibbles first, five positions of the pair's first
 * channel, then five of its second. Positions beyond Y are zero. */
#include <stdint.h>
#include <string.h>

#define AKRT_ROW_WIDTH 5

#if (-1 >> 1) != -1
#error "akrt needs an arithmetic right shift of negative numbers"
#endif

/* Cores whose 32 x 32 -> 64 multiply-accumulate is one instruction, and cores without one. */
#if defined(__thumb2__) && !defined(AKRT_PORTABLE)
#define AKRT_LONG_MLA 1
#else
#define AKRT_LONG_MLA 0
#endif
#if defined(__thumb__) && !defined(__thumb2__)
#define AKRT_LONG_MULTIPLY 0
#else
#define AKRT_LONG_MULTIPLY 1
#endif

/* Loops over many sums: reordered, they would need more registers than there are. */
#if defined(__GNUC__) && !defined(__clang__)
#define AKRT_IN_ORDER __attribute__((noinline, optimize("no-tree-reassoc", "no-schedule-insns")))
#else
#define AKRT_IN_ORDER
#endif

/* What a filter's potential P needs to become an activation; `shift` of its layer says how.
 * 0..31: (P * factor + addend) >> shift, clipped to 4 bits. 32..63: the same with the high word of
 * (P << 11) * factor for the product, and shift - 32. The exporter has proven either for every
 * reachable P. -1: factor and addend are threshold and step, as in akrt_activate. */
typedef struct akrt_requant {
    int32_t factor, addend;
} akrt_requant;

/* A separable 3x3 layer, stride 1, 'same'. Channels and filters are padded with zero weights to
 * multiples of 4 and 2. */
typedef struct akrt_rows_layer {
    int32_t rows, width; /* positions on X, and on Y: 1..5 */
    int32_t channels, filters;
    int32_t pairs; /* of filters */
    int32_t group; /* channels whose sum fits 16 bits: see akrt_pwconv_rows */
    int32_t shift, act_bits;
    const uint32_t *taps;        /* per channel: the first 8 depthwise weights, 4 bits each */
    const uint16_t *rest;        /* per channel: the 9th, and -minimum / 4 of the result << 4 */
    const uint32_t *weights;     /* (pairs, channels / 4): 4 weights + 8 of either filter */
    const akrt_requant *requant; /* (2 * pairs) */
} akrt_rows_layer;

#endif
