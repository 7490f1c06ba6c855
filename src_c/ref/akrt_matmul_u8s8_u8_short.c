#include "akrt/kernels.h"

#include "ref/akrt_matmul_u8s8.tmpl.h"

void AKRT_FN(akrt_matmul_u8s8_u8_short)(const uint8_t *a, const int16_t *rest,
                                        const uint32_t *spill, const akrt_product *product,
                                        const akrt_short_scale *scale, int32_t rows, uint8_t *out) {
    for (int32_t r = 0; r < rows; r++) {
        const size_t at = (size_t)r * (size_t)product->depth;
        const int spilt = rest != NULL && spill[r];
        for (int32_t f = 0; f < product->filters; f++) {
            const int32_t p = byte_potential(a + at, spilt ? rest + at : NULL, spilt, product, f);
            const uint32_t v = p < 0 ? 0 : p > UINT16_MAX ? UINT16_MAX : (uint32_t)p;
            const uint32_t n = v * scale->mul[f] >> 16 >> scale->shift;
            *out++ = (uint8_t)(n < scale->top ? n : scale->top);
        }
    }
}
