#ifndef AKRT_STORE_ROWS_H
#define AKRT_STORE_ROWS_H
#include "akrt_level_bisect.h"
#include "akrt_level_high.h"
#include "akrt_level_muladd.h"
/* Potentials of a pair of filters at one row's positions to five bytes of layout "rows". */
static void akrt_store_rows(const int32_t *even, const int32_t *odd, const akrt_requant *requant,
                            int32_t shift, int32_t bits, int32_t width, uint8_t *out) {
    uint32_t low = 0, high = 0; /* five nibbles of either filter */
    const akrt_requant r = requant[0], s = requant[1];
    if (shift >= 32) {
        for (int32_t y = width - 1; y >= 0; y--) {
            low = akrt_level_high(even[y], r, shift - 32) | low << 4;
            high = akrt_level_high(odd[y], s, shift - 32) | high << 4;
        }
    } else if (shift >= 0) {
        for (int32_t y = width - 1; y >= 0; y--) {
            low = akrt_level_muladd(even[y], r, shift) | low << 4;
            high = akrt_level_muladd(odd[y], s, shift) | high << 4;
        }
    } else {
        for (int32_t y = width - 1; y >= 0; y--) {
            low = akrt_level_bisect(even[y], r, bits) | low << 4;
            high = akrt_level_bisect(odd[y], s, bits) | high << 4;
        }
    }
    out[0] = (uint8_t)low;
    out[1] = (uint8_t)(low >> 8);
    out[2] = (uint8_t)(low >> 16 | high << 4);
    out[3] = (uint8_t)(high >> 4);
    out[4] = (uint8_t)(high >> 12);
}
#endif
