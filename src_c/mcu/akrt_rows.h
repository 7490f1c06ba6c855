#ifndef AKRT_ROWS_H
#define AKRT_ROWS_H
/* Tensors of layout "rows": activations of at most 4 bits, at most 5 positions on Y.
 *
 * (X, pairs of channels, 5 bytes): ten nibbles, in the order of akrt_nibble, five positions of the
 * pair's first channel, then five of its second. Positions beyond Y are zero, and so are the
 * channels beyond the tensor's, up to AKRT_PADDED_CHANNELS. */
#include <stdint.h>
#include <string.h>
#include "akrt_activation.h"
#include "akrt_cores.h"
#include "akrt_frame.h"
#include "akrt_right_shift.h"

#define AKRT_ROW_WIDTH 5
#define AKRT_PAIR_BYTES 5 /* of two channels */
#define AKRT_PADDED_CHANNELS(channels) (((int32_t)(channels) + 3) >> 2 << 2)
#define AKRT_ROW_BYTES(channels) ((int32_t)(channels)*AKRT_PAIR_BYTES / 2)
#define AKRT_NIBBLE_AT(channel, y) ((channel)*AKRT_ROW_WIDTH + (y)) /* in its row */

#define AKRT_GROUPS 4 /* most groups of channels that akrt_separable_rows_muladd takes */

/* Where AKRT_DSP is 1, depthwise results by pairs of channels: two words of weights, five of
 * halfwords. */
#define AKRT_PAIR_WORDS 7

/* What a filter needs for its layer's akrt_activation_form; for bisection factor and addend are
 * threshold and step, as in akrt_activate. */
typedef struct akrt_requant {
    int32_t factor, addend;
} akrt_requant;

typedef struct akrt_requant16 {
    uint16_t factor;
    int16_t addend;
} akrt_requant16;

/* How many of them a separable layer has: kernels read three or eight at a time. */
#define AKRT_REQUANT_FILTERS(filters)                                                              \
    AKRT_LARGER(((int32_t)(filters) + 2) / 3 * 3, ((int32_t)(filters) + 7) / 8 * 8)

/* A separable 3x3 layer, stride 1, 'same'. Channels and pairs are those of AKRT_PADDED_CHANNELS,
 * with weights of zero; `filters` are the layer's own. Where AKRT_DSP is 1, the weights of a layer
 * without pooling are as akrt_unpack_triples takes them. `requant` is akrt_requant16 for MULADD16,
 * akrt_requant for BISECTION and HIGH_WORD, int32_t for THRESHOLD. */
typedef struct akrt_rows_layer {
    int16_t rows, width; /* positions on X, and on Y: 1..5 */
    int16_t channels, filters;
    int16_t pairs; /* of filters */
    int16_t group; /* channels whose sum fits 16 bits: see akrt_pwconv_rows */
    akrt_activation activation;
    int32_t addend_unit;     /* what the addend of an akrt_requant16 is multiplied by */
    const uint32_t *taps;    /* per channel: the first 8 depthwise weights, 4 bits each */
    const uint8_t *ninth;    /* per channel the ninth, a nibble */
    const uint8_t *least;    /* per channel: -minimum / 4 of the result, rounded up */
    const uint32_t *weights; /* (pairs, channels / 4): 4 weights + 8 of either filter */
    const void *requant;     /* AKRT_REQUANT_FILTERS of the padded ones, or thresholds, or NULL */
} akrt_rows_layer;

#endif
