#include "akrt/kernels.h"

void AKRT_FN(akrt_matmul_s32s16)(const int32_t *a, const int16_t *weights, int32_t rows,
                                 int32_t depth, int32_t filters, int32_t *out) {
    for (int32_t f = 0; f < filters; f++) {
        const int16_t *w = weights + (size_t)f * (size_t)depth;
        for (int32_t r = 0; r < rows; r++) {
            const int32_t *row = a + (size_t)r * (size_t)depth;
            int32_t sum = 0;
            for (int32_t k = 0; k < depth; k++) {
                sum += row[k] * w[k];
            }
            out[(size_t)r * (size_t)filters + (size_t)f] = sum;
        }
    }
}
