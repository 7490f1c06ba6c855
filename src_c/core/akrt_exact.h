/* The arithmetic of Akida 2.0 as it is defined, in 64 bits, for what no kernel is proven to do. */
#ifndef AKRT_EXACT_H
#define AKRT_EXACT_H

#include "akrt/network.h"

/* Sums of products at every position of the output row x. `wide` has an element a filter. */
void akrt_exact_row(const akrt_exact *e, const akrt_window *w, int32_t filters,
                    const uint8_t *input, int32_t x, int64_t *wide, int32_t *out);

/* What comes of sums at `positions` positions, from the element `at` of the output on. */
void akrt_finish_sums(const akrt_finish *f, const int32_t *sums, int32_t positions, int32_t filters,
                      size_t at, void *output);

/* Adds what is activated of sums to `total`, saturating after every addition. */
void akrt_finish_add(const akrt_finish *f, const int32_t *sums, int32_t positions, int32_t filters,
                     int32_t *total);

/* What comes of one position that is activated already. */
void akrt_finish_total(const akrt_finish *f, const int32_t *total, int32_t filters, void *output);

/* Nodes without weights. */
void akrt_run_shifted_add(const akrt_shifted_add *a, int32_t filters,
                          const uint8_t *const inputs[2], void *output);
void akrt_run_concatenate(const akrt_concatenate *c, const uint8_t *const inputs[2], void *output);
void akrt_run_quantise(const akrt_quantise *q, int32_t channels, const uint8_t *input,
                       uint8_t *output);
void akrt_run_dequantise(const akrt_dequantise *d, int32_t channels, const uint8_t *input,
                         void *output);

/* The nearest of signed integers of so many bits, and v * 2^shift, rounded halves up. */
static inline int64_t akrt_saturated(int64_t v, int32_t bits) {
    const int64_t half = (int64_t)1 << (bits - 1);
    return v < -half ? -half : v >= half ? half - 1 : v;
}

static inline int64_t akrt_rounded(int64_t v, int32_t shift) {
    if (shift >= 0) {
        return v * ((int64_t)1 << shift);
    }
    return (v + ((int64_t)1 << (-shift - 1))) >> -shift;
}

/* One integer of 1, 2 or 4 bytes. */
void akrt_store(void *output, size_t at, int32_t item, int64_t low, int64_t high, int64_t v);

#endif
