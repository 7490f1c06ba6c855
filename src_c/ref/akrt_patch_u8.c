#include "akrt/kernels.h"

#include <stddef.h>

void akrt_patch_u8__ref(const akrt_window *w, const uint8_t *input, int32_t x, int32_t y,
                        int16_t border, int16_t *patch) {
    const int32_t first_x = x * w->stride_x - w->pad_x;
    const int32_t first_y = y * w->stride_y - w->pad_y;
    for (int32_t i = first_x; i < first_x + w->size_x; i++) {
        for (int32_t j = first_y; j < first_y + w->size_y; j++) {
            if (i < 0 || i >= w->in_x || j < 0 || j >= w->in_y) {
                for (int32_t c = 0; c < w->channels; c++) {
                    patch[c] = border;
                }
            } else {
                const uint8_t *source =
                    input + ((size_t)i * (size_t)w->in_y + (size_t)j) * (size_t)w->channels;
                for (int32_t c = 0; c < w->channels; c++) {
                    patch[c] = source[c];
                }
            }
            patch += w->channels;
        }
    }
}
