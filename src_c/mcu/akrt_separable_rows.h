#ifndef AKRT_SEPARABLE_ROWS_H
#define AKRT_SEPARABLE_ROWS_H
#include "akrt_mid_rows.h"
#include "akrt_pwconv_start.h"
#include "akrt_requant_of.h"
#include "akrt_separable_rows_dsp.h"
#include "akrt_separable_rows_mve.h"
#include "akrt_store_rows.h"
#include "akrt_tick.h"
#if !AKRT_DSP && !AKRT_MVE
#include "akrt_pwconv_rows.h"
#endif
/* A separable layer without pooling, rows to the rows from `from` to before `to`, in place where
 * output == input and all are computed: any number of groups, any requantisation. Both tensors are
 * whole.
 * scratch: AKRT_SEPARABLE_ROWS_SCRATCH_WORDS, the most of any core, in the parts that they take. */
#define AKRT_SEPARABLE_ROWS_SCRATCH_WORDS(channels, groups)                                        \
    AKRT_LARGER(AKRT_MID_WORDS(channels) + AKRT_RING_WORDS * (int32_t)(channels) +                 \
                    AKRT_START_WORDS(groups),                                                      \
                AKRT_SEPARABLE_ROWS_DSP_SCRATCH_WORDS(channels))
#if AKRT_DSP
#define akrt_separable_rows akrt_separable_rows_dsp
#elif AKRT_MVE
#define akrt_separable_rows akrt_separable_rows_mve
#else
AKRT_LAYER static void akrt_separable_rows(const akrt_rows_layer *layer, int32_t from, int32_t to,
                                           const uint8_t *input, uint8_t *output,
                                           int32_t *scratch) {
    uint32_t *const mid = (uint32_t *)scratch;
    uint32_t *const memory = mid + AKRT_MID_WORDS(layer->channels);
    uint32_t *const start = memory + AKRT_RING_WORDS * (int32_t)layer->channels;
    int32_t done = 0;
    akrt_ring ring;
    akrt_ring_start(layer, input, from, memory, &ring);
    output += from * AKRT_ROW_BYTES(2 * layer->pairs);
    for (int32_t x = from; x < to; x++) {
        const uint32_t *weights = layer->weights;
        akrt_mid_rows(layer, input, x, &ring, mid);
        akrt_pwconv_start(layer, mid, start);
        AKRT_TICK_WORK(done, 4 * layer->channels);
        for (int32_t p = 0; p < layer->pairs; p++) {
            int32_t even[AKRT_ROW_WIDTH], odd[AKRT_ROW_WIDTH];
            akrt_pwconv_rows(layer, mid, start, weights, even, odd);
            akrt_store_rows(even, odd, akrt_requant_of(layer, 2 * p),
                            akrt_requant_of(layer, 2 * p + 1), layer->activation.form,
                            layer->activation.shift, layer->activation.bits, layer->width, output);
            weights += layer->channels >> 2;
            output += AKRT_PAIR_BYTES;
            AKRT_TICK_WORK(done, layer->channels);
        }
    }
}
#endif
#endif
