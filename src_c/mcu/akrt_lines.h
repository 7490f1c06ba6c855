#ifndef AKRT_LINES_H
#define AKRT_LINES_H
#include "akrt_mcu_layer.h"
/* Tensors of layout "lines": (X, Y, words of eight channels), activations of at most 4 bits as
 * nibbles, the first channel in the lowest. Channels beyond the tensor's are zero. A line is what
 * lies at one position of X. */
#define AKRT_LINE_WORDS(channels) (((int32_t)(channels) + 7) >> 3)

#define AKRT_LINES_MOST 16 /* that a kernel reads */

/* How the next line of a layer's output is made. lines: the input's, from the first that the
 * window covers; NULL beyond the edges. target: where the line goes, or sums are added up. */
typedef void (*akrt_line_kernel)(const akrt_mcu_layer *layer, const void *const *lines,
                                 void *target, int32_t *scratch);

/* Eight channels at position `v` of a line; zero beyond the edges. */
static inline uint32_t akrt_line_word(const uint32_t *line, int32_t v, int32_t positions,
                                      int32_t words, int32_t word) {
    return line != NULL && v >= 0 && v < positions ? line[v * words + word] : 0;
}
#endif
