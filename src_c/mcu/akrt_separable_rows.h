#ifndef AKRT_SEPARABLE_ROWS_H
#define AKRT_SEPARABLE_ROWS_H
#include "akrt_mid_rows.h"
#include "akrt_pwconv_rows.h"
#include "akrt_store_rows.h"
#include "akrt_store_sums.h"
/* One row of outputs from its depthwise results: any number of groups, any requantisation. */
static void akrt_finish_row(const akrt_rows_layer *layer, const int32_t *mid, const uint32_t *start,
                            uint8_t *output) {
    const uint32_t *weights = layer->weights;
    for (int32_t p = 0; p < layer->pairs; p++) {
        int32_t even[AKRT_ROW_WIDTH], odd[AKRT_ROW_WIDTH];
        akrt_pwconv_rows(layer, mid, start, weights, even, odd);
        akrt_store_rows(even, odd, layer->requant + 2 * p, layer->shift, layer->act_bits,
                        layer->width, output);
        weights += layer->channels >> 2;
        output += 5;
    }
}

/* The same for one or two groups and a multiply-add of one word, which is what most layers have. */
static void akrt_finish_row_muladd(const akrt_rows_layer *layer, const int32_t *mid,
                                   const uint32_t *start, uint8_t *output) {
    const uint32_t *weights = layer->weights;
    const akrt_requant *requant = layer->requant;
    const int32_t all = layer->channels >> 2, first = layer->group >> 2;
    uint32_t sums[2 * AKRT_ROW_WIDTH] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    for (int32_t p = layer->pairs; p > 0; p--) {
        akrt_pwconv_quads(mid, weights, first, start, sums);
        if (first < all) {
            akrt_pwconv_quads(mid + 4 * AKRT_ROW_WIDTH * first, weights + first, all - first,
                              start + AKRT_ROW_WIDTH, sums + AKRT_ROW_WIDTH);
        }
        akrt_store_sums(sums, sums + AKRT_ROW_WIDTH, requant, layer->shift, layer->width, output);
        weights += all;
        requant += 2;
        output += 5;
    }
}

/* A separable layer without pooling, rows to rows, in place where output == input.
 * scratch: (11 * channels + 5 * groups) words. */
static void akrt_separable_rows(const akrt_rows_layer *layer, const uint8_t *input, uint8_t *output,
                                int32_t *scratch) {
    int32_t *mid = scratch;
    uint32_t *ring = (uint32_t *)(mid + AKRT_ROW_WIDTH * layer->channels);
    uint32_t *start = ring + 6 * layer->channels;
    const int quick = 2 * layer->group >= layer->channels && layer->shift >= 0 && layer->shift < 32;
    for (int32_t x = 0; x < layer->rows; x++) {
        akrt_mid_rows(layer, input, x, ring, mid);
        akrt_pwconv_start(layer, mid, start);
        if (quick) {
            akrt_finish_row_muladd(layer, mid, start, output);
        } else {
            akrt_finish_row(layer, mid, start, output);
        }
        output += 5 * layer->pairs;
    }
}
#endif
