#ifndef AKRT_STORE_SUMS_H
#define AKRT_STORE_SUMS_H
#include "akrt_level_muladd.h"
#if !AKRT_DSP && !AKRT_MVE
/* Sums of a pair of filters over two groups of channels (akrt_pwconv_quads), requantised by
 * multiply-add, to five bytes of layout "rows". Does what akrt_pwconv_rows and akrt_store_rows do,
 * without writing potentials down. */
AKRT_IN_ORDER static void akrt_store_sums(const uint32_t *first, const uint32_t *second,
                                          const akrt_requant *requant, int32_t shift, int32_t width,
                                          uint8_t *out) {
    const akrt_requant r = requant[0], s = requant[1];
    uint32_t low = 0, high = 0;
    for (int32_t y = width - 1; y >= 0; y--) {
        const uint32_t a = first[y], b = second[y];
        const int32_t even = (int16_t)(a & 0xffffu) + (int16_t)(b & 0xffffu);
        const int32_t odd = ((int32_t)(a + 0x8000u) >> 16) + ((int32_t)(b + 0x8000u) >> 16);
        low = akrt_level_muladd(even, r, shift) | low << 4;
        high = akrt_level_muladd(odd, s, shift) | high << 4;
    }
    out[0] = (uint8_t)low;
    out[1] = (uint8_t)(low >> 8);
    out[2] = (uint8_t)(low >> 16 | high << 4);
    out[3] = (uint8_t)(high >> 4);
    out[4] = (uint8_t)(high >> 12);
}
#endif
#endif
