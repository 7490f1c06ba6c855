#include "akrt/kernels.h"

/* Sums that are held at once. A multiple of the filters of every block: kernels.inc. */
#define SHORT_ROWS 20
#define SHORT_FILTERS 64

void AKRT_FN(akrt_matmul_s16s16_s8)(const int16_t *a, const int16_t *weights,
                                    const akrt_scaled *scaled, int32_t rows, int32_t depth,
                                    int32_t filters, uint8_t *out) {
    int32_t sums[SHORT_ROWS * SHORT_FILTERS];
    for (int32_t f = 0; f < filters; f += SHORT_FILTERS) {
        const int32_t left = filters - f, count = left < SHORT_FILTERS ? left : SHORT_FILTERS;
        akrt_scaled part = *scaled;
        part.start = scaled->start == NULL ? NULL : scaled->start + f;
        part.low += f, part.high += f, part.mul += f, part.add += f, part.shift += f;
        for (int32_t r = 0; r < rows; r += SHORT_ROWS) {
            const int32_t height = rows - r < SHORT_ROWS ? rows - r : SHORT_ROWS;
            AKRT_FN(akrt_matmul_s16s16)
            (a + (size_t)r * (size_t)depth, weights + (size_t)f * (size_t)depth, height, depth,
             count, sums);
            for (int32_t n = 0; n < height; n++) {
                const size_t to = (size_t)(r + n) * (size_t)filters + (size_t)f;
                AKRT_FN(akrt_act_s32_scaled)(sums + n * count, &part, 1, count, out + to);
            }
        }
    }
}

#undef SHORT_ROWS
#undef SHORT_FILTERS
