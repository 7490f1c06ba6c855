#include "akrt/kernels.h"

#include "ref/akrt_matmul_u8s8.tmpl.h"

void AKRT_FN(akrt_matmul_u8s8_u8)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                  const akrt_product *product, const akrt_scale *scale,
                                  int32_t rows, uint8_t *out) {
    for (int32_t r = 0; r < rows; r++) {
        const size_t at = (size_t)r * (size_t)product->depth;
        const int spilt = rest != NULL && spill[r];
        for (int32_t f = 0; f < product->filters; f++) {
            const int32_t p = byte_potential(a + at, spilt ? rest + at : NULL, spilt, product, f);
            const int32_t low = p > 0 ? p : 0;
            const uint32_t v = (uint32_t)(low < scale->top[f] ? low : scale->top[f]);
            uint32_t sum = v * scale->mul[f] + scale->add[f];
            if (scale->fine != NULL) {
                sum += (v * scale->fine[f]) >> AKRT_FINE_SHIFT;
            }
            *out++ = (uint8_t)(sum >> scale->shift);
        }
    }
}
