#include "akrt/kernels.h"

#include <string.h>

#include "ref/akrt_lanes.tmpl.h"

#if (-1 >> 1) != -1
#error "akrt needs an arithmetic right shift of negative numbers"
#endif

/* Values v = byte - 128 as 16 * high + low, 0 <= low < 16; or, where the magnitudes of all sum up
 * to no more than `limit`, as low alone: returns whether it is so. */
static int split(const uint8_t *AKRT_RESTRICT bytes, size_t count, int32_t limit,
                 int16_t *AKRT_RESTRICT low, int16_t *AKRT_RESTRICT high) {
    const size_t whole = (count + 15) / 16 * 16;
    int16_t sum = 0;
    for (size_t k = 0; k < whole; k++) {
        low[k] = (int16_t)(bytes[k] - 128);
    }
    for (size_t k = 0; k < count; k++) {
        sum = (int16_t)(sum + (low[k] < 0 ? -low[k] : low[k]));
    }
    if (sum <= limit) {
        return 1;
    }
    for (size_t k = 0; k < whole; k++) {
        high[k] = low[k] >> 4;
        low[k] = low[k] & 15;
    }
    return 0;
}

#define LANES 64
#define AKRT_ADD add_lanes_64
#define AKRT_ACTIVATE activate_halves_64
#define AKRT_ROW halves_64
#include "ref/akrt_matmul_u8s16_u8.tmpl.h"

#define LANES 16
#define AKRT_ADD add_lanes_16
#define AKRT_ACTIVATE activate_halves_16
#define AKRT_ROW halves_16
#include "ref/akrt_matmul_u8s16_u8.tmpl.h"

void AKRT_FN(akrt_matmul_u8s16_u8)(const uint8_t *a, const akrt_lanes *product, int32_t rows,
                                   uint8_t *out) {
    const int32_t filters = product->filters;
    for (int32_t r = 0; r < rows; r++) {
        int32_t f = 0;
        for (; f + 64 <= filters; f += 64) {
            halves_64(a, product, f, out + f);
        }
        for (; f < filters; f += 16) {
            uint8_t block[16];
            halves_16(a, product, f, block);
            memcpy(out + f, block, (size_t)(filters - f < 16 ? filters - f : 16));
        }
        a += product->depth;
        out += filters;
    }
}
