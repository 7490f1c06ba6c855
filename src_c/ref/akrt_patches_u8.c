#include "akrt/kernels.h"

void AKRT_FN(akrt_patches_u8)(const akrt_window *w, const uint8_t *input, int32_t x, int32_t count,
                              uint8_t border, int32_t depth, uint8_t *patches) {
    const int32_t used = w->size_x * w->size_y * w->channels;
    for (int32_t row = x; row < x + count; row++) {
        for (int32_t y = 0; y < w->out_y; y++) {
            for (int32_t i = 0; i < w->size_x; i++) {
                const int32_t from_x = row * w->stride_x - w->pad_x + i;
                for (int32_t j = 0; j < w->size_y; j++) {
                    const int32_t from_y = y * w->stride_y - w->pad_y + j;
                    const int inside =
                        from_x >= 0 && from_x < w->in_x && from_y >= 0 && from_y < w->in_y;
                    const uint8_t *from =
                        inside ? input + ((size_t)from_x * (size_t)w->in_y + (size_t)from_y) *
                                             (size_t)w->channels
                               : &border;
                    for (int32_t c = 0; c < w->channels; c++) {
                        *patches++ = inside ? from[c] : border;
                    }
                }
            }
            for (int32_t k = used; k < depth; k++) {
                *patches++ = 0;
            }
        }
    }
}
