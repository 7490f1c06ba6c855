#ifndef AKRT_CONV_LINES_MVE_H
#define AKRT_CONV_LINES_MVE_H
#include "akrt_emit_mve.h"
#include "akrt_tick.h"
#include "akrt_vector_nibbles.h"
#include "akrt_vector_window.h"
#if AKRT_MVE
/* A convolution of activations, a line of the output at a time, two positions at once: the windows,
 * which are packed as in memory and cut in parts of AKRT_PART bytes, are a patch of
 * akrt_vector_nibbles. Weights are such ones by part. scratch: AKRT_CONV_LINES_SCRATCH_WORDS. */
#define AKRT_PART 320
#define AKRT_PART_BYTES(taps, channels)                                                            \
    (AKRT_PACKED_BYTES(taps, channels) < AKRT_PART ? AKRT_PACKED_BYTES(taps, channels) : AKRT_PART)
#define AKRT_PACKED_BYTES(taps, channels)                                                          \
    (((int32_t)(taps)*AKRT_LINE_WORDS(channels) * 4 + 15) & ~15)
#define AKRT_CONV_LINES_SCRATCH_WORDS(taps, channels, filters)                                     \
    (5 * (AKRT_PART_BYTES(taps, channels) >> 2) + AKRT_GROUP_SUMS * AKRT_FILTER_GROUPS(filters))

/* Packed inputs to a patch: 16 bytes of even inputs, 32 further on those of odd ones. Returns where
 * the next ones go. */
static inline uint8_t *akrt_vector_unpack(const uint8_t *from, int32_t steps, uint8_t *patch) {
    __asm__ volatile("vmov.i8 q2, #15\n\t"
                     "dls lr, %[steps]\n\t"
                     "1:\n\t"
                     "vldrb.u8 q0, [%[from]], #16\n\t"
                     "vand q1, q0, q2\n\t"
                     "vshr.u8 q0, q0, #4\n\t"
                     "vstrb.8 q1, [%[patch]], #32\n\t"
                     "vstrb.8 q0, [%[patch]], #32\n\t"
                     "le lr, 1b"
                     : [from] "+r"(from), [patch] "+r"(patch)
                     : [steps] "r"(steps)
                     : "lr", "q0", "q1", "q2", "cc", "memory");
    return patch;
}

/* The window whose first position on Y is v, of which all is there. */
static inline void akrt_vector_patch(const void *const *lines, int32_t size_x, int32_t from,
                                     int32_t size, int32_t steps, uint8_t *window, uint8_t *patch) {
    if ((size & 15) == 0) {
        for (int32_t i = 0; i < size_x; i++) {
            patch = akrt_vector_unpack((const uint8_t *)lines[i] + from, size >> 4, patch);
        }
    } else {
        akrt_vector_lines(lines, from, size, size_x, window);
        akrt_vector_unpack(window, steps, patch);
    }
}

AKRT_LAYER static void akrt_conv_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                       void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t groups = AKRT_FILTER_GROUPS(layer->filters), out_y = w->out_y;
    const int32_t pitch = 4 * AKRT_LINE_WORDS(w->channels), size = w->size_y * pitch;
    const int32_t size_x = w->size_x, all = size_x * size;
    const int32_t part = all < AKRT_PART ? (all + 15) & ~15 : AKRT_PART;
    const int32_t inside = all > AKRT_PART ? -1 : akrt_vector_inside(w, lines);
    uint8_t *const window = (uint8_t *)scratch, *const patch = window + part;
    int32_t *const sums = scratch + 5 * (part >> 2);
    const akrt_vector_lanes to = akrt_vector_lanes_of(layer, 1);
    akrt_vector_run run = {0, groups, 0, 2, 1, 0};
    int32_t done = 0;
    while (run.y < out_y) {
        const uint8_t *weights = (const uint8_t *)layer->weights;
        run.count = out_y - run.y < 2 ? 1 : 2;
        akrt_vector_zero(sums, groups);
        for (int32_t first = 0; first < all; first += part) {
            const int32_t end = all - first < part ? all : first + part;
            const int32_t steps = (end - first + 15) >> 4;
            int32_t v = run.y * w->stride_y - w->pad_y;
            for (int32_t p = 0; p < 2; p++) {
                if (v >= 0 && v <= inside) {
                    akrt_vector_patch(lines, size_x, v * pitch, size, steps, window,
                                      patch + 16 * p);
                } else {
                    akrt_vector_part(w, lines, pitch, v, first, end, 0, window);
                    akrt_vector_unpack(window, steps, patch + 16 * p);
                }
                v += run.count < 2 ? 0 : w->stride_y;
            }
            akrt_vector_nibbles(patch, weights, steps, groups, sums);
            weights += steps * groups * 64;
            AKRT_TICK_WORK(done, steps * groups);
        }
        akrt_emit_vectors(layer, &run, &to, sums, target);
        run.y += 2;
        AKRT_TICK();
    }
}
#endif
#endif
