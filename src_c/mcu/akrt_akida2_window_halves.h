#ifndef AKRT_AKIDA2_WINDOW_HALVES_H
#define AKRT_AKIDA2_WINDOW_HALVES_H
#include "akrt_akida2_layer.h"
/* Where AKRT_DSP is 1 the second and third of four halves are swapped, as bytes of weights are that
 * are spread over two words. */
#if AKRT_DSP
#define AKRT_AKIDA2_HALF(i) (((i) & ~3) | (((i)&1) << 1) | (((i) >> 1) & 1))
#else
#define AKRT_AKIDA2_HALF(i) (i)
#endif

/* The inputs of the window at position (x, y), each shifted, as halves of words, filled up with
 * zeros to a multiple of four; beyond the edges are zeros. */
static const void *akrt_akida2_window_halves(const akrt_akida2_layer *layer, const uint8_t *input,
                                             int32_t x, int32_t y, void *taps) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t from_x = x * w->stride_x - w->pad_x, from_y = y * w->stride_y - w->pad_y;
    const int32_t sign = layer->sign, channels = w->channels;
    const uint8_t *const shift = layer->input_shift;
    int16_t *const halves = (int16_t *)taps;
    int32_t at = 0;
    for (int32_t i = from_x; i < from_x + w->size_x; i++) {
        for (int32_t j = from_y; j < from_y + w->size_y; j++) {
            const int inside = i >= 0 && i < w->in_x && j >= 0 && j < w->in_y;
            const uint8_t *position = inside ? input + (i * w->in_y + j) * channels : NULL;
            int32_t c = 0;
#if AKRT_MVE
            for (; inside && c + 8 <= channels; c += 8) {
                const int16x8_t value = sign ? vldrbq_s16((const int8_t *)position + c)
                                             : vreinterpretq_s16_u16(vldrbq_u16(position + c));
                const int16x8_t by = vreinterpretq_s16_u16(vldrbq_u16(shift + c));
                vstrhq_s16(halves + at, vshlq_s16(value, by));
                at += 8;
            }
#endif
            for (; c < channels; c++) {
                int32_t value = 0;
                if (inside) {
                    value = (int32_t)(position[c] ^ (uint32_t)sign) - sign;
                    value *= (int32_t)((uint32_t)1 << shift[c]);
                }
                halves[AKRT_AKIDA2_HALF(at)] = (int16_t)value;
                at++;
            }
        }
    }
    for (; at % 4 != 0; at++) {
        halves[AKRT_AKIDA2_HALF(at)] = 0;
    }
    return taps;
}
#endif
