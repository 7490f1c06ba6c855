#ifndef AKRT_SEPARABLE_LINES_H
#define AKRT_SEPARABLE_LINES_H
#include "akrt_lines.h"
/* A separable convolution with weights of at most 4 bits, a line of the output at a time. scratch:
 * AKRT_SEPARABLE_LINES_SCRATCH_WORDS(channels, size_x, size_y, stride_y, groups): groups of
 * `row_bytes` channels each, over which the sums of two filters fit 16 bits, or 0. */
#if AKRT_MVE
#include "akrt_separable_lines_mve.h"
#endif
#if AKRT_LONG_MLA && !AKRT_MVE
#include "akrt_separable_lines_long.h"
#endif
#if !AKRT_LONG_MLA
#include "akrt_separable_lines_halves.h"
#endif
#endif
