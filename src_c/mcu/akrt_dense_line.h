#ifndef AKRT_DENSE_LINE_H
#define AKRT_DENSE_LINE_H
#include "akrt_lines.h"
/* A fully connected layer on one block of lines, its inputs those of a tensor whose channels are
 * filled up with zeros to a multiple of 8. scratch: AKRT_DENSE_LINE_SCRATCH_WORDS. */
#if AKRT_MVE
#include "akrt_dense_line_mve.h"
#endif
#if AKRT_LONG_MLA && !AKRT_MVE
#include "akrt_dense_line_long.h"
#endif
#if !AKRT_LONG_MLA
#include "akrt_dense_line_halves.h"
#endif
#endif
