/* akrt_dwconv_u8s8_s8 for every arm architecture, 8 channels at a time. */
#include "arm/scaled_outputs.h"

#define LANES 8

AKRT_INLINE int16x8_t widened(uint8x8_t v) { return vreinterpretq_s16_u16(vmovl_u8(v)); }

/* The first `kept` of 8 bytes and zeros. */
AKRT_INLINE uint8x8_t load_bytes(const void *from, int32_t kept) {
    if (kept == LANES) {
        return vld1_u8(from);
    }
    uint8_t some[LANES] = {0};
    memcpy(some, from, (size_t)kept);
    return vld1_u8(some);
}

AKRT_INLINE void add_tap(int32x4_t sum[2], uint8x8_t a, int16x8_t tap) {
    const int16x8_t x = widened(a);
    sum[0] = vmlal_s16(sum[0], vget_low_s16(x), vget_low_s16(tap));
    sum[1] = vmlal_high_s16(sum[1], x, tap);
}

AKRT_INLINE int16x8_t load_tap(const int8_t *weights, int32_t kept) {
    return vmovl_s8(vreinterpret_s8_u8(load_bytes(weights, kept)));
}

/* A 3x3 window at (first_x, first_y), all of it inside. */
AKRT_INLINE void add_inside(const akrt_window *w, const uint8_t *input, const int16x8_t taps[9],
                            int32_t first_x, int32_t first_y, int32_t kept, int32x4_t sum[2]) {
    const size_t channels = (size_t)w->channels, line = (size_t)w->in_y * channels;
    const uint8_t *from = input + (size_t)first_x * line + (size_t)first_y * channels;
    for (int i = 0; i < 3; i++, from += line) {
        for (size_t j = 0; j < 3; j++) {
            add_tap(sum, load_bytes(from + j * channels, kept), taps[3 * i + (int)j]);
        }
    }
}

/* Any window. */
AKRT_INLINE void add_window(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                            uint8_t border, int32_t first_x, int32_t first_y, int32_t kept,
                            int32x4_t sum[2]) {
    const size_t channels = (size_t)w->channels;
    for (int32_t i = 0; i < w->size_x; i++) {
        for (int32_t j = 0; j < w->size_y; j++, weights += channels) {
            const int32_t x = first_x + i, y = first_y + j;
            uint8x8_t a = vdup_n_u8(border);
            if (x >= 0 && x < w->in_x && y >= 0 && y < w->in_y) {
                const size_t at = (size_t)x * (size_t)w->in_y + (size_t)y;
                a = load_bytes(input + at * channels, kept);
            }
            add_tap(sum, a, load_tap(weights, kept));
        }
    }
}

AKRT_INLINE void group(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                       uint8_t border, const akrt_scaled *scaled, size_t c, int32_t x,
                       int32_t count, int32_t kept, uint8_t *out) {
    const int is3x3 = w->size_x == 3 && w->size_y == 3;
    scaled_constants k;
    int16x8_t taps[9];
    load_scaled(scaled, c, kept, &k);
    input += c, weights += c, out += c;
    for (int32_t t = 0; t < 9; t++) {
        taps[t] = load_tap(is3x3 ? weights + t * w->channels : weights, kept);
    }
    for (int32_t row = x; row < x + count; row++) {
        const int32_t first_x = row * w->stride_x - w->pad_x;
        const int rows_inside = is3x3 && first_x >= 0 && first_x + 2 < w->in_x;
        for (int32_t y = 0; y < w->out_y; y++, out += w->channels) {
            const int32_t first_y = y * w->stride_y - w->pad_y;
            int32x4_t sum[2] = {k.start[0], k.start[1]};
            if (rows_inside && first_y >= 0 && first_y + 2 < w->in_y) {
                add_inside(w, input, taps, first_x, first_y, kept, sum);
            } else {
                add_window(w, input, weights, border, first_x, first_y, kept, sum);
            }
            store_scaled(sum, &k, out, kept);
        }
    }
}

void AKRT_FN(akrt_dwconv_u8s8_s8)(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                                  uint8_t border, const akrt_scaled *scaled, int32_t x,
                                  int32_t count, uint8_t *out) {
    const size_t channels = (size_t)w->channels;
    if (channels < LANES) {
        group(w, input, weights, border, scaled, 0, x, count, w->channels, out);
    }
    for (size_t c = 0; channels >= LANES && c < channels; c += LANES) {
        c = c + LANES > channels ? channels - LANES : c; /* some once more */
        group(w, input, weights, border, scaled, c, x, count, LANES, out);
    }
}
