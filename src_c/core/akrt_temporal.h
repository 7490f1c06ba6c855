/* Layers that remember, and what compares with time. */
#ifndef AKRT_CORE_TEMPORAL_H
#define AKRT_CORE_TEMPORAL_H

#include "akrt/network.h"

/* The input with those before it, as lines; then `memory` ends with this one. */
void akrt_recall_inputs(const akrt_recall *recall, const uint8_t *input, uint8_t *memory,
                        uint8_t *seen);

/* Bytes of the rows that the layer asks for. */
size_t akrt_recurrent_bytes(const akrt_recurrent *r, int32_t filters);

/* The sums of products at every step that gives an output, (steps / subsample, filters), saturated
 * at buffer_bits. */
void akrt_run_recurrent(const akrt_layer *layer, const uint8_t *input, void *memory, void *rows,
                        int32_t *sums);

void akrt_run_compare(const akrt_compare *c, int32_t channels, const uint8_t *const inputs[2],
                      void *output);

#endif
