#ifndef AKRT_DENSE_PRODUCT_H
#define AKRT_DENSE_PRODUCT_H
#include "akrt_product.h"
#include "akrt_saturate.h"
/* A fully connected layer on inputs of at most 4 bits: akrt_product.h.
 * scratch: AKRT_DENSE_PRODUCT_SCRATCH_WORDS. */
#define AKRT_DENSE_PRODUCT_SCRATCH_WORDS(filters, inputs)                                          \
    ((((int32_t)(filters) + 3) & ~3) + AKRT_DENSE_WORDS(inputs))
#if AKRT_MVE
#define AKRT_DENSE_WORDS(inputs) (AKRT_PRODUCT_PAD(inputs) / 4)
static void akrt_dense_potentials(const akrt_mcu_layer *layer, const uint8_t *input, int32_t inputs,
                                  int32_t *scratch, int32_t *potentials) {
    const int32_t size = AKRT_PRODUCT_PAD(inputs);
    uint8_t *const row = (uint8_t *)scratch;
    const uint8_t *weights = (const uint8_t *)layer->weights;
    uint32_t start;
    int32_t done = 0;
    memset(row + (inputs & ~31), 0, (size_t)(size - (inputs & ~31)));
    memcpy(row, input, (size_t)inputs);
    start = akrt_product_sum(row, size) * 8;
    for (int32_t f = 0; f < layer->filters; f += 2) {
        const uint8_t *const other = weights + (size >> 1);
        uint32_t even = 0, odd = 0;
        for (int32_t k = 0; k < size; k += 32) {
            const uint8x16_t a = vld1q_u8(row + k), b = vld1q_u8(row + k + 16);
            const uint8x16_t u = vld1q_u8(weights + (k >> 1)), v = vld1q_u8(other + (k >> 1));
            const uint8x16_t nibble = vdupq_n_u8(15);
            even = vmladavaq_u8(even, a, vandq_u8(u, nibble));
            odd = vmladavaq_u8(odd, a, vandq_u8(v, nibble));
            even = vmladavaq_u8(even, b, vshrq_n_u8(u, 4));
            odd = vmladavaq_u8(odd, b, vshrq_n_u8(v, 4));
        }
        potentials[f] = (int32_t)(even - start);
        if (f + 1 < layer->filters) {
            potentials[f + 1] = (int32_t)(odd - start);
        }
        weights += size;
        AKRT_TICK_WORK(done, size);
    }
}
#else
#define AKRT_DENSE_WORDS(inputs) 1
#if AKRT_LONG_MLA
typedef uint64_t akrt_both; /* sums of two filters 28 bits apart */
#define AKRT_BOTH_BITS 28
#define AKRT_BOTH_MASK 0xfffffffu
#define AKRT_DENSE_TAPS 0x7ffffffc
#define AKRT_DENSE_PAIR(word, k) akrt_rotated(word, 8 * (k))
#else
typedef uint32_t akrt_both; /* 16 bits apart */
#define AKRT_BOTH_BITS 16
#define AKRT_BOTH_MASK 0xffffu
#define AKRT_DENSE_TAPS AKRT_PRODUCT_TAPS
#define AKRT_DENSE_PAIR(word, k) ((word) >> (4 * (k)))
#endif

#define AKRT_DENSE_TAP(k)                                                                          \
    do {                                                                                           \
        s += (akrt_both)a[k] * (AKRT_DENSE_PAIR(first, k) & AKRT_PRODUCT_MASK);                    \
        t += (akrt_both)a[k] * (AKRT_DENSE_PAIR(second, k) & AKRT_PRODUCT_MASK);                   \
    } while (0)
/* Sums of two pairs of filters, `step` words of weights apart, over quads of inputs. */
AKRT_IN_ORDER static void akrt_dense_quads(const uint8_t *a, const uint32_t *weights, int32_t step,
                                           int32_t quads, akrt_both *sums) {
    const uint8_t *const end = a + 4 * quads;
    akrt_both s = sums[0], t = sums[1];
    while (a != end) {
        const uint32_t first = weights[0], second = weights[step];
        weights++;
        AKRT_DENSE_TAP(0);
        AKRT_DENSE_TAP(1);
        AKRT_DENSE_TAP(2);
        AKRT_DENSE_TAP(3);
        a += 4;
    }
    sums[0] = s;
    sums[1] = t;
}
#undef AKRT_DENSE_TAP

static void akrt_dense_potentials(const akrt_mcu_layer *layer, const uint8_t *input, int32_t inputs,
                                  int32_t *scratch, int32_t *potentials) {
    const int32_t quads = (inputs + 3) >> 2, whole = inputs & ~3;
    const uint32_t *weights = (const uint32_t *)layer->weights;
    uint8_t tail[4] = {0, 0, 0, 0};
    uint32_t start = 0;
    int32_t done = 0;
    (void)scratch;
    for (int32_t k = 0; k < inputs; k++) {
        start += input[k];
        AKRT_TICK_AT(k);
    }
    start *= 8;
    memcpy(tail, input + whole, (size_t)(inputs - whole));
    for (int32_t f = 0; f < layer->filters; f += 4) {
        const int32_t left = layer->filters - f;
        const int32_t step = left > 2 ? quads : 0;
        int32_t out[4] = {0, 0, 0, 0};
        for (int32_t first = 0; first < inputs; first += AKRT_DENSE_TAPS) {
            akrt_both sums[2] = {0, 0};
            const int32_t end = inputs - first < AKRT_DENSE_TAPS ? inputs : first + AKRT_DENSE_TAPS;
            const uint32_t *const from = weights + (first >> 2);
            akrt_dense_quads(input + first, from, step, (end - first) >> 2, sums);
            if ((end & 3) != 0) {
                akrt_dense_quads(tail, from + ((end - first) >> 2), step, 1, sums);
            }
            for (int32_t pair = 0; pair < 2; pair++) {
                out[2 * pair] += (int32_t)((uint32_t)sums[pair] & AKRT_BOTH_MASK);
                out[2 * pair + 1] += (int32_t)(uint32_t)(sums[pair] >> AKRT_BOTH_BITS);
            }
        }
        for (int32_t i = 0; i < 4 && i < left; i++) {
            potentials[f + i] = (int32_t)((uint32_t)out[i] - start);
        }
        weights += 2 * quads;
        AKRT_TICK_WORK(done, 2 * inputs);
    }
}
#endif

AKRT_LAYER static void akrt_dense_product(const akrt_mcu_layer *layer, const uint8_t *input,
                                          void *output, int32_t *scratch) {
    const int32_t inputs = layer->conv.in_x * layer->conv.in_y * layer->conv.channels;
    akrt_dense_potentials(layer, input, inputs, scratch + ((layer->filters + 3) & ~3), scratch);
    for (int32_t f = 0; f < layer->filters; f++) {
        scratch[f] = akrt_saturate(scratch[f]);
        AKRT_TICK_AT(f);
    }
    akrt_activate(layer, scratch, 0, output);
}
#endif
