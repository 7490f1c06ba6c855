#include "akrt/target.h"

#ifdef AKRT_ARM
#include "arm/target_dotprod.h"

#include "akrt/kernels.h"

#include <arm_neon.h>
#include <string.h>

/* Whole registers where the input has them; what they write too much is written again later, or
 * is among the 64 bytes after the last. */
AKRT_INLINE void copy(uint8_t *to, const uint8_t *from, size_t n, const uint8_t *end) {
    if ((size_t)(end - from) < ((n + 15) & ~(size_t)15)) {
        memcpy(to, from, n);
        return;
    }
    for (size_t i = 0; i < n; i += 16) {
        vst1q_u8(to + i, vld1q_u8(from + i));
    }
}

void AKRT_FN(akrt_patches_u8)(const akrt_window *w, const uint8_t *input, int32_t x, int32_t count,
                              uint8_t border, int32_t depth, uint8_t *patches) {
    const size_t channels = (size_t)w->channels, line = (size_t)w->in_y * channels;
    const size_t span = (size_t)w->size_y * channels;
    const uint8_t *const end = input + (size_t)w->in_x * line;
    for (int32_t row = x; row < x + count; row++) {
        const int32_t first_x = row * w->stride_x - w->pad_x;
        for (int32_t y = 0; y < w->out_y; y++, patches += depth) {
            const int32_t first_y = y * w->stride_y - w->pad_y;
            const int32_t beyond = first_y + w->size_y - w->in_y;
            const size_t before = first_y < 0 ? (size_t)-first_y * channels : 0;
            const size_t after = beyond > 0 ? (size_t)beyond * channels : 0;
            uint8_t *to = patches;
            for (int32_t i = first_x; i < first_x + w->size_x; i++, to += span) {
                if (i < 0 || i >= w->in_x || before + after >= span) {
                    memset(to, border, span);
                    continue;
                }
                const uint8_t *from = input + (size_t)i * line;
                from += first_y < 0 ? 0 : (size_t)first_y * channels;
                if (before + after == 0) {
                    copy(to, from, span, end);
                    continue;
                }
                memset(to, border, before);
                memcpy(to + before, from, span - before - after);
                memset(to + span - after, border, after);
            }
        }
    }
}

#include "arm/target_end.h"
#endif
