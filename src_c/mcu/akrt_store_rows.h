#ifndef AKRT_STORE_ROWS_H
#define AKRT_STORE_ROWS_H
#include "akrt_level.h"
/* Potentials of a pair of filters at one row's positions to five bytes of layout "rows". */
static void akrt_store_rows(const int32_t *even, const int32_t *odd, const akrt_requant *requant,
                            int32_t shift, int32_t bits, int32_t width, uint8_t *out) {
    uint32_t low = 0, high = 0; /* five nibbles of either filter */
    const int32_t top = ((int32_t)1 << bits) - 1;
    if (shift >= 0) {
        for (int32_t y = 0; y < width; y++) {
            const int32_t p = akrt_level_muladd(even[y], requant[0], shift, top);
            const int32_t q = akrt_level_muladd(odd[y], requant[1], shift, top);
            low = (low >> 4) | ((uint32_t)p << 16);
            high = (high >> 4) | ((uint32_t)q << 16);
        }
    } else {
        for (int32_t y = 0; y < width; y++) {
            low = (low >> 4) | ((uint32_t)akrt_level_bisect(even[y], requant[0], bits) << 16);
            high = (high >> 4) | ((uint32_t)akrt_level_bisect(odd[y], requant[1], bits) << 16);
        }
    }
    low >>= 4 * (AKRT_ROW_WIDTH - width);
    high >>= 4 * (AKRT_ROW_WIDTH - width);
    out[0] = (uint8_t)low;
    out[1] = (uint8_t)(low >> 8);
    out[2] = (uint8_t)(low >> 16 | high << 4);
    out[3] = (uint8_t)(high >> 4);
    out[4] = (uint8_t)(high >> 12);
}
#endif
