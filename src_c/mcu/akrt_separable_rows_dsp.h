#ifndef AKRT_SEPARABLE_ROWS_DSP_H
#define AKRT_SEPARABLE_ROWS_DSP_H
#include "akrt_mid_rows.h"
#include "akrt_smlad_three.h"
#include "akrt_store_pair.h"
#include "akrt_tick.h"
#include "akrt_triple_rows.h"
#include "akrt_triple_start.h"
/* Pairs of channels of whole groups of eight, which akrt_unpack_triples writes, and the ring. */
#define AKRT_SEPARABLE_ROWS_DSP_SCRATCH_WORDS(channels)                                            \
    (4 * AKRT_PAIR_WORDS * (((int32_t)(channels) + 7) >> 3) + AKRT_RING_WORDS * (int32_t)(channels))

#if AKRT_DSP
/* akrt_separable_rows, three filters at a time. */
AKRT_LAYER static void akrt_separable_rows_dsp(const akrt_rows_layer *layer, int32_t from,
                                               int32_t to, const uint8_t *input, uint8_t *output,
                                               int32_t *scratch) {
    const int32_t groups = (layer->channels + 7) >> 3, step = 3 * groups;
    uint32_t *const mid = (uint32_t *)scratch;
    uint32_t *const end = mid + AKRT_MID_PAIR_WORDS(layer->channels);
    uint32_t *const memory = mid + 4 * AKRT_PAIR_WORDS * groups;
    int32_t done = 0;
    akrt_ring ring;
    akrt_ring_start(layer, input, from, memory, &ring);
    output += from * AKRT_ROW_BYTES(2 * layer->pairs);
    for (int32_t x = from; x < to; x++) {
        const uint32_t *weights = layer->weights;
        int32_t start[2 * AKRT_ROW_WIDTH];
        int32_t f = 0;
        akrt_mid_rows(layer, input, x, &ring, mid);
        akrt_triple_start(mid, end, start);
        AKRT_TICK_WORK(done, 4 * layer->channels);
        for (int32_t left = layer->pairs; left > 0; left -= 3) {
            uint32_t words[6]; /* two triples, which are three pairs */
            uint32_t *next = words;
            do {
                int32_t sums[3 * AKRT_ROW_WIDTH];
                akrt_unpack_triples(weights, weights + step, mid);
                if (layer->width > 3) {
                    akrt_smlad_rows(mid, end, start, sums);
                } else {
                    akrt_smlad_three(mid, end, start, sums);
                }
                akrt_triple_levels(layer, sums, f, next);
                weights += step;
                f += 3;
                next += 3;
                AKRT_TICK_WORK(done, layer->channels);
            } while (next != words + 6 && left > 1);
            akrt_store_pair(words[0], words[1], output);
            output += AKRT_PAIR_BYTES;
            if (left > 1) {
                akrt_store_pair(words[2], words[3], output);
                output += AKRT_PAIR_BYTES;
            }
            if (left > 2) {
                akrt_store_pair(words[4], words[5], output);
                output += AKRT_PAIR_BYTES;
            }
        }
    }
}
#endif
#endif
