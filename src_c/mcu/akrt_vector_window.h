#ifndef AKRT_VECTOR_WINDOW_H
#define AKRT_VECTOR_WINDOW_H
#include "akrt_lines.h"
#if AKRT_MVE
/* The inputs of windows, as bytes. */

/* `count` bytes, at least one. */
static inline void akrt_vector_copy(uint8_t *to, const uint8_t *from, int32_t count) {
    __asm__ volatile("dlstp.8 lr, %2\n\t"
                     "1:\n\t"
                     "vldrb.u8 q0, [%1], #16\n\t"
                     "vstrb.8 q0, [%0], #16\n\t"
                     "letp lr, 1b"
                     : "+r"(to), "+r"(from)
                     : "r"(count)
                     : "lr", "q0", "cc", "memory");
}

/* Bytes `first` to `end` of the window of position `y`, (size_x, size_y, pitch), to `to`, filled up
 * to a multiple of 16 with what is there. Beyond the edges lies `border`. */
static void akrt_vector_window(const akrt_mcu_window *w, const void *const *lines, int32_t pitch,
                               int32_t y, int32_t first, int32_t end, int32_t border,
                               uint8_t *to) {
    const int32_t from_y = y * w->stride_y - w->pad_y, size = w->size_y * pitch;
    const int32_t low = from_y < 0 ? -from_y * pitch : 0; /* of a line, what is within */
    int32_t high = (w->in_y - from_y) * pitch;
    int32_t i = 0, before = first, after = end;
    if (high > size) {
        high = size;
    }
    while (before >= size) {
        before -= size;
        after -= size;
        i++;
    }
    if (low != 0 || high != size || lines[0] == NULL || lines[w->size_x - 1] == NULL) {
        const uint8x16_t fill = vdupq_n_u8((uint8_t)border);
        for (int32_t k = 0; k < end - first; k += 16) {
            vst1q_u8(to + k, fill);
        }
    }
    to -= before;
    do { /* bytes `before` to `after` of the window from line `i` on */
        const int32_t a = before > low ? before : low, b = after < high ? after : high;
        if (lines[i] != NULL && b > a) {
            akrt_vector_copy(to + a, (const uint8_t *)lines[i] + from_y * pitch + a, b - a);
        }
        i++;
        to += size;
        after -= size;
        before = 0;
    } while (after > 0);
}
#endif
#endif
