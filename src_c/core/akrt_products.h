/* The products of a layer with windows, on the path that was chosen for it. */
#ifndef AKRT_PRODUCTS_H
#define AKRT_PRODUCTS_H

#include "akrt/network.h"

#include <stddef.h>

static inline size_t akrt_area(int32_t x, int32_t y) { return (size_t)x * (size_t)y; }

/* The output rows x .. x + count: activations if the layer's are fused, else potentials. Lanes
 * and depthwise results of 16 and 32 bits are made one row at once. */
void akrt_multiply_rows(const akrt_layer *layer, const uint8_t *input, int32_t x, int32_t count,
                        uint8_t *scratch, void *out);

#endif
