#ifndef AKRT_AKIDA2_DWSUMS_DSP_H
#define AKRT_AKIDA2_DWSUMS_DSP_H
#include "akrt_akida2_halves.h"
#include "akrt_akida2_layer.h"
#if AKRT_DSP
/* Four channels from `c` on: columns `first` to `last` of a window that begins at column `from`. */
static inline void akrt_akida2_dwsums_4(const akrt_akida2_layer *layer, const uint8_t *const *lines,
                                        int32_t from, int32_t first, int32_t last, int32_t c,
                                        int32_t *sums) {
    const int32_t channels = layer->conv.channels, size_y = layer->conv.size_y;
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int32_t i = 0; i < layer->conv.size_x; i++) {
        const int8_t *at, *weights, *end;
        if (lines[i] == NULL) {
            continue;
        }
        at = (const int8_t *)lines[i] + (from + first) * channels + c;
        weights = layer->weights + (i * size_y + first) * channels + c;
        end = weights + (last - first) * channels;
        for (; weights < end; weights += channels, at += channels) {
            const uint32_t value = akrt_akida2_word(at), weight = akrt_akida2_word(weights);
            const uint32_t even = akrt_akida2_even(value), by_even = akrt_akida2_even(weight);
            const uint32_t odd = akrt_akida2_odd(value), by_odd = akrt_akida2_odd(weight);
            __asm__("smlabb %0, %1, %2, %0" : "+r"(sum0) : "r"(even), "r"(by_even));
            __asm__("smlabb %0, %1, %2, %0" : "+r"(sum1) : "r"(odd), "r"(by_odd));
            __asm__("smlatt %0, %1, %2, %0" : "+r"(sum2) : "r"(even), "r"(by_even));
            __asm__("smlatt %0, %1, %2, %0" : "+r"(sum3) : "r"(odd), "r"(by_odd));
        }
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}
#endif
#endif
