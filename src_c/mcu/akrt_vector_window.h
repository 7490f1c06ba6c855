#ifndef AKRT_VECTOR_WINDOW_H
#define AKRT_VECTOR_WINDOW_H
#include "akrt_lines.h"
#if AKRT_MVE
/* The inputs of windows, as bytes. */

/* `size` bytes, at least one, from offset `from` of every one of `count` lines. */
static inline void akrt_vector_lines(const void *const *lines, int32_t from, int32_t size,
                                     int32_t count, uint8_t *to) {
    const uint8_t *a, *next = to;
    __asm__ volatile(
        "1:\n\t"
        "ldr %[a], [%[lines]], #4\n\t"
        "mov %[to], %[next]\n\t"
        "add %[a], %[from]\n\t"
        "add %[next], %[size]\n\t"
        "dlstp.8 lr, %[size]\n\t"
        "2:\n\t"
        "vldrb.u8 q0, [%[a]], #16\n\t"
        "vstrb.8 q0, [%[to]], #16\n\t"
        "letp lr, 2b\n\t"
        "subs %[count], #1\n\t"
        "bne 1b"
        : [a] "=&r"(a), [lines] "+r"(lines), [to] "+r"(to), [next] "+r"(next), [count] "+r"(count)
        : [from] "r"(from), [size] "r"(size)
        : "lr", "q0", "cc", "memory");
    (void)a;
}

/* Bytes `first` to `end` of the window whose first position on Y is v, (size_x, size_y, pitch), to
 * `to`, filled up to a multiple of 16 with what is there. Beyond the edges lies `border`. */
static void akrt_vector_part(const akrt_mcu_window *w, const void *const *lines, int32_t pitch,
                             int32_t v, int32_t first, int32_t end, int32_t border, uint8_t *to) {
    const int32_t size = w->size_y * pitch;
    const int32_t low = v < 0 ? -v * pitch : 0; /* of a line, what is within */
    const int32_t within = (w->in_y - v) * pitch, high = within < size ? within : size;
    int32_t i = first / size, before = first - i * size;
    for (int32_t k = 0; k < end - first; k += 16) {
        vst1q_u8(to + k, vdupq_n_u8((uint8_t)border));
    }
    while (first < end) { /* from `before` on of line i */
        const int32_t left = end - first + before, after = left < high ? left : high;
        const int32_t a = before > low ? before : low;
        if (lines[i] != NULL && after > a) {
            akrt_vector_lines(lines + i, v * pitch + a, after - a, 1, to + a - before);
        }
        i++;
        to += size - before;
        first += size - before;
        before = 0;
    }
}

/* The most v of windows that lie within these lines; -1: none does. */
static inline int32_t akrt_vector_inside(const akrt_mcu_window *w, const void *const *lines) {
    return lines[0] != NULL && lines[w->size_x - 1] != NULL ? w->in_y - w->size_y : -1;
}
#endif
#endif
