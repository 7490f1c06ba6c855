#include "akrt/kernels.h"

static int16_t *fill(int16_t *patch, int32_t n, int16_t value) {
    for (int32_t i = 0; i < n; i++) {
        patch[i] = value;
    }
    return patch + n;
}

static int16_t *widen(int16_t *AKRT_RESTRICT patch, const uint8_t *AKRT_RESTRICT source,
                      int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        patch[i] = source[i];
    }
    return patch + n;
}

void AKRT_FN(akrt_patch_u8)(const akrt_window *w, const uint8_t *input, int32_t x, int32_t y,
                            int16_t border, int16_t *patch) {
    const int32_t first_x = x * w->stride_x - w->pad_x;
    const int32_t first_y = y * w->stride_y - w->pad_y;
    const int32_t before = first_y < 0 ? -first_y : 0; /* columns of the window left of the input */
    const int32_t beyond = first_y + w->size_y - w->in_y;
    const int32_t after = beyond > 0 ? beyond : 0;
    const int32_t inside = w->size_y - before - after;
    for (int32_t i = first_x; i < first_x + w->size_x; i++) {
        if (i < 0 || i >= w->in_x || inside <= 0) {
            patch = fill(patch, w->size_y * w->channels, border);
            continue;
        }
        const size_t at = ((size_t)i * (size_t)w->in_y + (size_t)(first_y + before));
        patch = fill(patch, before * w->channels, border);
        patch = widen(patch, input + at * (size_t)w->channels, inside * w->channels);
        patch = fill(patch, after * w->channels, border);
    }
}
