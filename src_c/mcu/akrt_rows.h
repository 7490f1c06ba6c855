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
#include "akrt_frame.h"
#include "akrt_right_shift.h"

#define AKRT_ROW_WIDTH 5
#define AKRT_PAIR_BYTES 5 /* of two channels */
#define AKRT_PADDED_CHANNELS(channels) (((int32_t)(channels) + 3) >> 2 << 2)
#define AKRT_ROW_BYTES(channels) ((int32_t)(channels)*AKRT_PAIR_BYTES / 2)
#define AKRT_NIBBLE_AT(channel, y) ((channel)*AKRT_ROW_WIDTH + (y)) /* in its row */

#define AKRT_LARGER(a, b) ((a) > (b) ? (a) : (b))
#define AKRT_GROUPS 4 /* most groups of channels that akrt_separable_rows_muladd takes */

/* Cores whose 32 x 32 -> 64 multiply-accumulate is one instruction, and cores without one. */
#if defined(__thumb2__) && !defined(AKRT_PORTABLE)
#define AKRT_LONG_MLA 1
#else
#define AKRT_LONG_MLA 0
#endif
/* Cores with integer vectors (Helium). */
#if AKRT_LONG_MLA && defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)
#define AKRT_MVE 1
#include <arm_mve.h>
#else
#define AKRT_MVE 0
#endif
/* Cores that multiply halves of words, two at a time; words are loaded from any address. */
#if AKRT_LONG_MLA && defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_UNALIGNED) &&             \
    defined(__GNUC__) && !AKRT_MVE && !defined(__ARM_BIG_ENDIAN)
#define AKRT_DSP 1
#else
#define AKRT_DSP 0
#endif
#if defined(__thumb__) && !defined(__thumb2__)
#define AKRT_LONG_MULTIPLY 0
#else
#define AKRT_LONG_MULTIPLY 1
#endif

/* Where AKRT_DSP is 1, depthwise results by pairs of channels: two words of weights, five of
 * halfwords. */
#define AKRT_PAIR_WORDS 7

#if AKRT_DSP
/* On both halves of a word. */
static inline uint32_t akrt_sadd16(uint32_t a, uint32_t b) {
    uint32_t sum;
    __asm__("sadd16 %0, %1, %2" : "=r"(sum) : "r"(a), "r"(b));
    return sum;
}

static inline uint32_t akrt_ssub16(uint32_t a, uint32_t b) {
    uint32_t difference;
    __asm__("ssub16 %0, %1, %2" : "=r"(difference) : "r"(a), "r"(b));
    return difference;
}

static inline uint32_t akrt_abs16(uint32_t a, uint32_t zero) {
    uint32_t size;
    __asm__("ssub16 %0, %2, %1\n\tsel %0, %0, %1" : "=&r"(size) : "r"(a), "r"(zero) : "cc");
    return size;
}

static inline int32_t akrt_smlad(uint32_t a, uint32_t b, int32_t sum) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}
#endif

/* Compilers take an equality for unlikely. */
#if defined(__GNUC__)
#define AKRT_LIKELY(condition) __builtin_expect(condition, 1)
#else
#define AKRT_LIKELY(condition) (condition)
#endif

/* Loops over many sums: reordered, they would need more registers than there are. */
#if defined(__GNUC__) && !defined(__clang__)
#define AKRT_IN_ORDER __attribute__((noinline, optimize("no-tree-reassoc", "no-schedule-insns")))
#else
#define AKRT_IN_ORDER
#endif

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
