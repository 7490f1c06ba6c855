#ifndef AKRT_STORE_PAIR_H
#define AKRT_STORE_PAIR_H
#include "akrt_rows.h"
/* Five nibbles of either filter of a pair to five bytes of layout "rows". */
static inline void akrt_store_pair(uint32_t low, uint32_t high, uint8_t *out) {
#if AKRT_DSP || AKRT_MVE /* little endian, words anywhere */
    low |= high << 20;
    memcpy(out, &low, 4);
    out[4] = (uint8_t)(high >> 12);
#else
    out[0] = (uint8_t)low;
    out[1] = (uint8_t)(low >> 8);
    out[2] = (uint8_t)(low >> 16 | high << 4);
    out[3] = (uint8_t)(high >> 4);
    out[4] = (uint8_t)(high >> 12);
#endif
}
#endif
