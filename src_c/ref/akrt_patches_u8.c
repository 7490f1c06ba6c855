#include "akrt/kernels.h"

#include <string.h>

#define RUN 16 /* bytes: copying as many, always, takes less time than copying only some */

/* At least n bytes. What comes after them is written later, or may be any value. */
static uint8_t *append(uint8_t *to, const uint8_t *from, int32_t n, const uint8_t *end) {
    if (n <= RUN && end - from >= RUN) {
        memcpy(to, from, RUN);
    } else {
        memcpy(to, from, (size_t)n);
    }
    return to + n;
}

static uint8_t *append_border(uint8_t *to, uint8_t border, int32_t n) {
    if (n <= RUN) {
        memset(to, border, RUN);
    } else {
        memset(to, border, (size_t)n);
    }
    return to + n;
}

static int32_t clipped(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

void AKRT_FN(akrt_patches_u8)(const akrt_window *w, const uint8_t *input, int32_t x, int32_t count,
                              uint8_t border, int32_t depth, uint8_t *patches) {
    const uint8_t *end = input + (size_t)w->in_x * (size_t)w->in_y * (size_t)w->channels;
    for (int32_t row = x; row < x + count; row++) {
        for (int32_t y = 0; y < w->out_y; y++) {
            const int32_t first_y = y * w->stride_y - w->pad_y, beyond_y = first_y + w->size_y;
            const int32_t from_y = clipped(first_y, 0, w->in_y);
            const int32_t to_y = clipped(beyond_y, from_y, w->in_y);
            uint8_t *to = patches;
            for (int32_t i = 0; i < w->size_x; i++) {
                const int32_t from_x = row * w->stride_x - w->pad_x + i;
                if (from_x < 0 || from_x >= w->in_x) {
                    to = append_border(to, border, w->size_y * w->channels);
                    continue;
                }
                if (from_y > first_y) {
                    to = append_border(to, border, (from_y - first_y) * w->channels);
                }
                to = append(to,
                            input + ((size_t)from_x * (size_t)w->in_y + (size_t)from_y) *
                                        (size_t)w->channels,
                            (to_y - from_y) * w->channels, end);
                if (beyond_y > to_y) {
                    to = append_border(to, border, (beyond_y - to_y) * w->channels);
                }
            }
            patches += depth;
        }
    }
}
