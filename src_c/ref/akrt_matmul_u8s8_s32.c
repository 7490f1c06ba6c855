#include "akrt/kernels.h"

#include "ref/akrt_matmul_u8s8.tmpl.h"

void AKRT_FN(akrt_matmul_u8s8_s32)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                   const akrt_product *product, int32_t rows, int32_t *out) {
    for (int32_t r = 0; r < rows; r++) {
        const size_t at = (size_t)r * (size_t)product->depth;
        const int spilt = rest != NULL && spill[r];
        for (int32_t f = 0; f < product->filters; f++) {
            *out++ = byte_potential(a + at, spilt ? rest + at : NULL, spilt, product, f);
        }
    }
}
