#ifndef AKRT_CONV_LINES_H
#define AKRT_CONV_LINES_H
#include "akrt_lines.h"
/* A convolution of activations of at most 4 bits with weights of at most 4, a line of the output
 * at a time. scratch: AKRT_CONV_LINES_SCRATCH_WORDS(taps, channels, filters). */
#if AKRT_MVE
#include "akrt_conv_lines_mve.h"
#endif
#if AKRT_LONG_MLA && !AKRT_MVE
#include "akrt_conv_lines_long.h"
#endif
#if !AKRT_LONG_MLA
#include "akrt_conv_lines_halves.h"
#endif
#endif
