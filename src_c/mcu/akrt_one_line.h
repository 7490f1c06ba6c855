#ifndef AKRT_ONE_LINE_H
#define AKRT_ONE_LINE_H
#include "akrt_lines.h"
/* A kernel of lines that makes the only line of its output of the only one of its input. */
static inline void akrt_one_line(akrt_line_kernel kernel, const akrt_mcu_layer *layer,
                                 const void *input, void *output, int32_t *scratch) {
    const void *lines[1];
    lines[0] = input;
    kernel(layer, lines, output, scratch);
}
#endif
