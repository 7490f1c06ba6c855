#ifndef AKRT_BYTES_LINES_H
#define AKRT_BYTES_LINES_H
#include "akrt_lines.h"
/* A convolution of bytes, (Y, C) to a line, with weights of 8 bits, a line of the output at a time.
 * scratch: AKRT_BYTES_LINES_SCRATCH_WORDS(inputs of a window, filters). */
#if AKRT_MVE
#include "akrt_bytes_lines_mve.h"
#endif
#if AKRT_LONG_MLA && !AKRT_MVE
#include "akrt_bytes_lines_long.h"
#endif
#if !AKRT_LONG_MLA
#include "akrt_bytes_lines_halves.h"
#endif
#endif
