#ifndef AKRT_STORE_SUMS_H
#define AKRT_STORE_SUMS_H
#include "akrt_level_muladd.h"
#include "akrt_store_pair.h"
#if !AKRT_DSP && !AKRT_MVE
/* Sums of a pair of filters over up to AKRT_GROUPS groups of channels, (AKRT_GROUPS, 5), those of
 * absent groups 0, requantised by multiply-add, to five bytes of layout "rows". Does what
 * akrt_pwconv_rows and akrt_store_rows do, without writing potentials down. */
AKRT_IN_ORDER static void akrt_store_sums(const akrt_rows_layer *layer, const uint32_t *sums,
                                          int32_t groups, const akrt_requant16 *requant,
                                          uint8_t *out) {
    const int32_t shift = layer->activation.shift;
    akrt_requant r, s;
    const uint32_t *p = sums + layer->width;
    uint32_t low = 0, high = 0;
    r.factor = requant[0].factor;
    r.addend = requant[0].addend * layer->addend_unit;
    s.factor = requant[1].factor;
    s.addend = requant[1].addend * layer->addend_unit;
    do {
        const uint32_t b = p[AKRT_ROW_WIDTH - 1], a = *--p;
        const int32_t first = (int16_t)(a & 0xffffu), second = (int16_t)(b & 0xffffu);
        int32_t even = first + second;
        int32_t odd =
            ((int32_t)(a - (uint32_t)first) >> 16) + ((int32_t)(b - (uint32_t)second) >> 16);
        if (groups > 2) {
            const uint32_t c = p[2 * AKRT_ROW_WIDTH];
            const int32_t third = (int16_t)(c & 0xffffu);
            even += third;
            odd += (int32_t)(c - (uint32_t)third) >> 16;
            if (groups > 3) {
                const uint32_t d = p[3 * AKRT_ROW_WIDTH];
                const int32_t fourth = (int16_t)(d & 0xffffu);
                even += fourth;
                odd += (int32_t)(d - (uint32_t)fourth) >> 16;
            }
        }
        low = akrt_level_muladd(even, r, shift) | low << 4;
        high = akrt_level_muladd(odd, s, shift) | high << 4;
    } while (p > sums);
    akrt_store_pair(low, high, out);
}
#endif
#endif
