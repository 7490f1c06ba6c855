#ifndef AKRT_SEPARABLE_ROWS_MULADD_H
#define AKRT_SEPARABLE_ROWS_MULADD_H
#include "akrt_mid_rows.h"
#include "akrt_pwconv_quads.h"
#include "akrt_pwconv_start.h"
#include "akrt_separable_rows_dsp.h"
#include "akrt_separable_rows_mve.h"
#include "akrt_store_sums.h"
/* akrt_separable_rows for one or two groups and a multiply-add of one word, which is what most
 * layers have. scratch: (15 * channels + 5 * groups) words. */
#if AKRT_DSP
#define akrt_separable_rows_muladd akrt_separable_rows_dsp
#elif AKRT_MVE
#define akrt_separable_rows_muladd akrt_separable_rows_mve
#else
static void akrt_separable_rows_muladd(const akrt_rows_layer *layer, const uint8_t *input,
                                       uint8_t *output, int32_t *scratch) {
    uint32_t *const mid = (uint32_t *)scratch, *const memory = mid + 5 * layer->channels;
    uint32_t *const start = memory + AKRT_RING_WORDS * layer->channels;
    const int32_t all = layer->channels >> 2, first = layer->group >> 2;
    const uint32_t *const rest = mid + 4 * AKRT_ROW_WIDTH * first;
    uint32_t sums[2 * AKRT_ROW_WIDTH] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    akrt_ring ring;
    akrt_ring_start(layer, input, memory, &ring);
    for (int32_t x = 0; x < layer->rows; x++) {
        const uint32_t *weights = layer->weights;
        const akrt_requant *requant = layer->requant;
        akrt_mid_rows(layer, input, x, &ring, mid);
        akrt_pwconv_start(layer, mid, start);
        for (int32_t p = layer->pairs; p > 0; p--) {
            akrt_pwconv_quads(mid, weights, first, start, sums);
            if (first < all) {
                akrt_pwconv_quads(rest, weights + first, all - first, start + AKRT_ROW_WIDTH,
                                  sums + AKRT_ROW_WIDTH);
            }
            akrt_store_sums(sums, sums + AKRT_ROW_WIDTH, requant, layer->shift, layer->width,
                            output);
            weights += all;
            requant += 2;
            output += 5;
        }
    }
}
#endif
#endif
