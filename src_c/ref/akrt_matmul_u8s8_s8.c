#include "akrt/kernels.h"

#include "ref/akrt_matmul_u8s8.tmpl.h"
#include "ref/akrt_scaled_output.tmpl.h"

void AKRT_FN(akrt_matmul_u8s8_s8)(const uint8_t *a, const akrt_product *product,
                                  const akrt_scaled *scaled, int32_t rows, uint8_t *out) {
    for (int32_t r = 0; r < rows; r++) {
        const size_t at = (size_t)r * (size_t)product->depth;
        for (int32_t f = 0; f < product->filters; f++) {
            *out++ = scaled_byte(scaled, byte_potential(a + at, NULL, 0, product, f), f);
        }
    }
}
