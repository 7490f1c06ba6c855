#ifndef AKRT_BYTES_LINES_MVE_H
#define AKRT_BYTES_LINES_MVE_H
#include "akrt_emit_mve.h"
#include "akrt_tick.h"
#include "akrt_vector_bytes.h"
#include "akrt_vector_window.h"
#if AKRT_MVE
/* A convolution of bytes, (Y, C) to a line, with weights of 8 bits, a line of the output at a time,
 * two positions at once. Inputs less 128 are signed as weights are; layer->weights begin with what
 * puts that right, 128 times the sum of a filter's weights, (groups, filters 0, 2, 1, 3) of int32.
 * Windows are cut in parts of AKRT_BYTES_PART. scratch: AKRT_BYTES_LINES_SCRATCH_WORDS. */
#define AKRT_BYTES_PART 160
#define AKRT_BYTES_PART_OF(inputs)                                                                 \
    ((int32_t)(inputs) < AKRT_BYTES_PART ? ((int32_t)(inputs) + 15) & ~15 : AKRT_BYTES_PART)
#define AKRT_BYTES_LINES_SCRATCH_WORDS(inputs, filters)                                            \
    (3 * (AKRT_BYTES_PART_OF(inputs) >> 2) + AKRT_GROUP_SUMS * AKRT_FILTER_GROUPS(filters))

static inline void akrt_vector_signed(const uint8_t *from, int32_t steps, uint8_t *patch) {
    do {
        vst1q_u8(patch, veorq_u8(vld1q_u8(from), vdupq_n_u8(128)));
        from += 16;
        patch += 32;
    } while (--steps > 0);
}

AKRT_LAYER static void akrt_bytes_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                        void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t groups = AKRT_FILTER_GROUPS(layer->filters), out_y = w->out_y;
    const int32_t pitch = w->channels, size = w->size_y * pitch, size_x = w->size_x;
    const int32_t all = size_x * size, part = AKRT_BYTES_PART_OF(all);
    const int32_t inside = all > AKRT_BYTES_PART ? -1 : akrt_vector_inside(w, lines);
    uint8_t *const window = (uint8_t *)scratch, *const patch = window + part;
    int32_t *const sums = scratch + 3 * (part >> 2);
    const uint64x2_t same = vreinterpretq_u64_u32(vdupq_n_u32(0));
    const akrt_vector_lanes to = akrt_vector_lanes_of(layer, 1);
    akrt_vector_run run = {0, groups, 0, 2, 1, 1};
    int32_t done = 0;
    while (run.y < out_y) {
        const int64_t *start = (const int64_t *)layer->weights;
        const int8_t *weights = (const int8_t *)layer->weights + 16 * groups;
        run.count = out_y - run.y < 2 ? 1 : 2;
        for (int32_t g = 0; g < 2 * groups; g++) {
            vst1q_s32(sums + 4 * g, vreinterpretq_s32_s64(vldrdq_gather_offset_s64(start, same)));
            start++;
        }
        for (int32_t first = 0; first < all; first += part) {
            const int32_t end = all - first < part ? all : first + part;
            const int32_t steps = (end - first + 15) >> 4;
            int32_t v = run.y * w->stride_y - w->pad_y;
            for (int32_t p = 0; p < 2; p++) {
                if (v >= 0 && v <= inside) {
                    akrt_vector_lines(lines, v * pitch, size, size_x, window);
                } else {
                    akrt_vector_part(w, lines, pitch, v, first, end, layer->border, window);
                }
                akrt_vector_signed(window, steps, patch + 16 * p);
                v += run.count < 2 ? 0 : w->stride_y;
            }
            akrt_vector_bytes((const int8_t *)patch, weights, steps, groups, sums);
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
