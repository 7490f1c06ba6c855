#include "akrt/kernels.h"

#include <string.h>

#include "ref/akrt_lanes.tmpl.h"

#define LANES 64
#define AKRT_ADD add_lanes_64
#define AKRT_SUM_WIDE sum_wide_64
#define AKRT_ACTIVATE activate_64
#define AKRT_ROW row_64
#include "ref/akrt_matmul_s16s16_u8.tmpl.h"

#define LANES 16
#define AKRT_ADD add_lanes_16
#define AKRT_SUM_WIDE sum_wide_16
#define AKRT_ACTIVATE activate_16
#define AKRT_ROW row_16
#include "ref/akrt_matmul_s16s16_u8.tmpl.h"

static uint16_t sum_of_magnitudes(const int16_t *a, int32_t depth) {
    uint16_t sum = 0;
    for (int32_t k = 0; k < depth; k++) {
        const int16_t negated = (int16_t)-a[k];
        sum = (uint16_t)(sum + (a[k] > negated ? a[k] : negated));
    }
    return sum;
}

void AKRT_FN(akrt_matmul_s16s16_u8)(const int16_t *a, const akrt_lanes *product, int32_t rows,
                                    uint8_t *out) {
    const int32_t filters = product->filters;
    for (int32_t r = 0; r < rows; r++) {
        const int fits = sum_of_magnitudes(a, product->depth) <= product->limit;
        int32_t f = 0;
        for (; f + 64 <= filters; f += 64) {
            row_64(a, product, f, fits, out + f);
        }
        for (; f < filters; f += 16) {
            uint8_t block[16];
            row_16(a, product, f, fits, block);
            memcpy(out + f, block, (size_t)(filters - f < 16 ? filters - f : 16));
        }
        a += product->depth;
        out += filters;
    }
}
