/* One output row of a depthwise convolution with any window, a tap at a time: AKRT_ROW is the name,
 * AKRT_SUM the sums' type and AKRT_TAP the function that adds one tap. */

static void AKRT_TAP(const uint8_t *AKRT_RESTRICT a, const int16_t *AKRT_RESTRICT w,
                     int32_t channels, AKRT_SUM *AKRT_RESTRICT sum) {
    for (int32_t c = 0; c < channels; c++) {
        sum[c] = (AKRT_SUM)(sum[c] + a[c] * w[c]);
    }
}

/* The channels from `first` on. */
static void AKRT_ROW(const akrt_window *w, const uint8_t *input, const int16_t *weights, int32_t x,
                     int32_t first, int32_t depth, AKRT_SUM *out) {
    const size_t channels = (size_t)w->channels, skipped = (size_t)first;
    for (int32_t y = 0; y < w->out_y; y++) {
        memset(out + first, 0, (size_t)(depth - first) * sizeof *out);
        for (int32_t i = 0; i < w->size_x; i++) {
            const int32_t from_x = x * w->stride_x - w->pad_x + i;
            if (from_x < 0 || from_x >= w->in_x) {
                continue;
            }
            for (int32_t j = 0; j < w->size_y; j++) {
                const int32_t from_y = y * w->stride_y - w->pad_y + j;
                if (from_y >= 0 && from_y < w->in_y) {
                    const size_t at = (size_t)from_x * (size_t)w->in_y + (size_t)from_y;
                    const size_t tap = (size_t)i * (size_t)w->size_y + (size_t)j;
                    AKRT_TAP(input + at * channels + skipped, weights + tap * channels + skipped,
                             w->channels - first, out + first);
                }
            }
        }
        out += depth;
    }
}

#undef AKRT_ROW
#undef AKRT_TAP
#undef AKRT_SUM
