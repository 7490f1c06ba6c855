#ifndef AKRT_MID_ROWS_H
#define AKRT_MID_ROWS_H
#include "akrt_dwconv_rows.h"
#include "akrt_load_rows.h"
#define AKRT_RING_WORDS (3 * AKRT_LOADED_WORDS + AKRT_TAP_WORDS) /* a channel */

/* The words of three rows of the input, and of the weights. */
typedef struct akrt_ring {
    uint32_t *above, *here, *below;
    const int32_t *taps;
} akrt_ring;

/* Before row `x`. memory: AKRT_RING_WORDS * channels words. */
static void akrt_ring_start(const akrt_rows_layer *layer, const uint8_t *input, int32_t x,
                            uint32_t *memory, akrt_ring *ring) {
    const int32_t row = AKRT_ROW_BYTES(layer->channels);
    ring->above = memory;
    ring->here = memory + AKRT_LOADED_WORDS * (int32_t)layer->channels;
    ring->below = ring->here + AKRT_LOADED_WORDS * (int32_t)layer->channels;
    ring->taps = (int32_t *)(ring->below + AKRT_LOADED_WORDS * (int32_t)layer->channels);
    akrt_load_rows(x > 0 ? input + (x - 1) * row : NULL, layer->channels, ring->above);
    akrt_load_rows(input + x * row, layer->channels, ring->here);
    akrt_tap_words(layer, (int32_t *)(ring->below + AKRT_LOADED_WORDS * (int32_t)layer->channels));
}

/* Reads row x + 1, so that row x may be overwritten from now on. Rows come in order. */
static void akrt_ring_read(const akrt_rows_layer *layer, const uint8_t *input, int32_t x,
                           const akrt_ring *ring) {
    akrt_load_rows(x + 1 < layer->rows ? input + (x + 1) * AKRT_ROW_BYTES(layer->channels) : NULL,
                   layer->channels, ring->below);
}

/* Depthwise results of `count` channels from channel `first` on. */
static void akrt_ring_convolve(const akrt_ring *ring, int32_t first, int32_t count, uint32_t *mid) {
    akrt_dwconv_rows(
        ring->above + AKRT_LOADED_WORDS * first, ring->here + AKRT_LOADED_WORDS * first,
        ring->below + AKRT_LOADED_WORDS * first, ring->taps + AKRT_TAP_WORDS * first, count, mid);
}

/* On to the next row. */
static void akrt_ring_turn(akrt_ring *ring) {
    uint32_t *const free = ring->above;
    ring->above = ring->here;
    ring->here = ring->below;
    ring->below = free;
}

/* Depthwise results of row `x`; the ring is turned. */
static void akrt_mid_rows(const akrt_rows_layer *layer, const uint8_t *input, int32_t x,
                          akrt_ring *ring, uint32_t *mid) {
    akrt_ring_read(layer, input, x, ring);
    akrt_ring_convolve(ring, 0, layer->channels, mid);
    akrt_ring_turn(ring);
}
#endif
