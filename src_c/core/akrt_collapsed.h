/* The sum over all positions of a separable layer, taken before its pointwise product. */
#ifndef AKRT_COLLAPSED_H
#define AKRT_COLLAPSED_H

#include "akrt/network.h"

/* Elements of `sums` that akrt_collapsed_sum needs. */
size_t akrt_collapsed_elements(const akrt_window *w, const akrt_collapse *c);

/* The sums of all filters in `pooled`. Returns 0, and leaves `pooled` undefined, where a sum could
 * saturate. */
int akrt_collapsed_sum(const akrt_kernels *kernels, const akrt_window *w, const akrt_collapse *c,
                       const uint8_t *input, int32_t *sums, int32_t *pooled);

#endif
