#ifndef AKRT_STORE_ROWS_H
#define AKRT_STORE_ROWS_H
#include "akrt_level_word.h"
#include "akrt_store_pair.h"
/* Potentials of a pair of filters at one row's positions to five bytes of layout "rows". */
static inline void akrt_store_rows(const int32_t *even, const int32_t *odd, akrt_requant r,
                                   akrt_requant s, int32_t form, int32_t shift, int32_t bits,
                                   int32_t width, uint8_t *out) {
    const uint32_t low = akrt_level_word(even, r, form, shift, bits, width);
    akrt_store_pair(low, akrt_level_word(odd, s, form, shift, bits, width), out);
}
#endif
