#ifndef AKRT_SEPARABLE_ROWS_MULADD_H
#define AKRT_SEPARABLE_ROWS_MULADD_H
#include "akrt_mid_rows.h"
#include "akrt_pwconv_start.h"
#include "akrt_separable_rows_dsp.h"
#include "akrt_separable_rows_mve.h"
#if !AKRT_DSP && !AKRT_MVE
#include "akrt_pwconv_pairs.h"
#include "akrt_store_sums.h"
#endif
#include "akrt_tick.h"
/* akrt_separable_rows for at most AKRT_GROUPS groups and a multiply-add of one word, which is what
 * most layers have. scratch: AKRT_SEPARABLE_ROWS_MULADD_SCRATCH_WORDS, the most of any core. */
#define AKRT_SUMS_WORDS (AKRT_GROUPS * AKRT_ROW_WIDTH) /* of a pair of filters */
#define AKRT_SEPARABLE_ROWS_MULADD_SCRATCH_WORDS(channels)                                         \
    AKRT_LARGER(AKRT_MID_WORDS(channels) + AKRT_RING_WORDS * (int32_t)(channels) +                 \
                    AKRT_START_WORDS(AKRT_GROUPS) + 2 * AKRT_SUMS_WORDS,                           \
                AKRT_SEPARABLE_ROWS_DSP_SCRATCH_WORDS(channels))
#if AKRT_DSP
#define akrt_separable_rows_muladd akrt_separable_rows_dsp
#elif AKRT_MVE
#define akrt_separable_rows_muladd akrt_separable_rows_mve
#else
AKRT_LAYER static void akrt_separable_rows_muladd(const akrt_rows_layer *layer, int32_t from,
                                                  int32_t to, const uint8_t *input, uint8_t *output,
                                                  int32_t *scratch) {
    uint32_t *const mid = (uint32_t *)scratch;
    uint32_t *const memory = mid + AKRT_MID_WORDS(layer->channels);
    uint32_t *const start = memory + AKRT_RING_WORDS * (int32_t)layer->channels;
    const int32_t step = layer->channels >> 2, group = layer->group >> 2;
    const int32_t groups = (step + group - 1) / group;
    uint32_t *const sums = start + AKRT_START_WORDS(AKRT_GROUPS);
    int32_t done = 0;
    akrt_ring ring;
    akrt_zero(sums, 2 * AKRT_SUMS_WORDS);
    akrt_ring_start(layer, input, from, memory, &ring);
    output += from * AKRT_ROW_BYTES(2 * layer->pairs);
    for (int32_t x = from; x < to; x++) {
        const uint32_t *weights = layer->weights;
        const akrt_requant16 *requant = (const akrt_requant16 *)layer->requant;
        akrt_mid_rows(layer, input, x, &ring, mid);
        akrt_pwconv_start(layer, mid, start);
        AKRT_TICK_WORK(done, 4 * layer->channels);
        for (int32_t p = layer->pairs; p > 0; p -= 2) {
            akrt_pwconv_pairs(mid, weights, step, group, start, sums);
            akrt_store_sums(layer, sums, groups, requant, output);
            akrt_store_sums(layer, sums + AKRT_SUMS_WORDS, groups, requant + 2,
                            output + AKRT_PAIR_BYTES);
            weights += 2 * step;
            requant += 4;
            output += 2 * AKRT_PAIR_BYTES;
            AKRT_TICK_WORK(done, 2 * layer->channels);
        }
    }
}
#endif
#endif
