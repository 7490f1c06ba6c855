#ifndef AKRT_KEPT_SUMS_H
#define AKRT_KEPT_SUMS_H
#include "akrt_separable_sum_rows.h"
/* akrt_separable_sum_rows where totals and reaches of the rows that touch no edge of the window are
 * kept from one window to the next. They are whole numbers that cannot overflow, so that rows may
 * come and go; whether a sum saturates on its way is asked anew of all rows in every window, and
 * where it might, all rows are computed.
 *
 * kept: 2 * channels; scratch: AKRT_SEPARABLE_SUM_ROWS_SCRATCH_WORDS. */

/* Takes off the rows from `from` to before `to`; input: of the window before. */
AKRT_LAYER static void akrt_kept_sums_leave(const akrt_rows_layer *layer, int32_t from, int32_t to,
                                            const uint8_t *input, int32_t *kept, int32_t *scratch) {
    const int32_t channels = layer->channels;
    uint32_t *const memory = (uint32_t *)scratch + 2 * channels;
    akrt_ring ring;
    akrt_ring_start(layer, input, from, memory, &ring);
    akrt_zero((uint32_t *)scratch, 2 * channels);
    akrt_sum_rows_add(layer, from, to, input, &ring, memory + AKRT_RING_WORDS * channels, scratch);
    for (int32_t i = 0; i < 2 * channels; i++) {
        kept[i] -= scratch[i];
    }
}

/* The layer. Rows from `first` to before `last` touch no edge; those from `come` on are not in
 * `kept` yet. */
AKRT_LAYER static void akrt_kept_sums(const akrt_rows_layer *layer, int32_t first, int32_t come,
                                      int32_t last, const uint8_t *input, int32_t *kept,
                                      void *output, int32_t *scratch) {
    const int32_t channels = layer->channels;
    int32_t *const total = scratch + 2 * layer->pairs;
    uint32_t *const memory = (uint32_t *)total + 2 * channels;
    uint32_t *const mid = memory + AKRT_RING_WORDS * channels;
    akrt_ring ring;
    akrt_zero((uint32_t *)total, 2 * channels);
    akrt_ring_start(layer, input, 0, memory, &ring);
    akrt_sum_rows_add(layer, 0, first, input, &ring, mid, total);
    akrt_ring_start(layer, input, come, memory, &ring);
    akrt_sum_rows_add(layer, come, last, input, &ring, mid, kept);
    akrt_sum_rows_add(layer, last, layer->rows, input, &ring, mid, total);
    for (int32_t i = 0; i < 2 * channels; i++) {
        total[i] += kept[i];
    }
    akrt_sum_rows_end(layer, input, output, scratch);
}
#endif
