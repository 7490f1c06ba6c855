#include "akrt/kernels.h"

/* Sums that are held at once. A multiple of the filters of every block: kernels.inc. */
#define TILE_ROWS 16
#define TILE_FILTERS 64

/* The filters from f on of the constants. */
static akrt_scaled scaled_part(const akrt_scaled *s, int32_t f) {
    akrt_scaled part = *s;
    part.start = NULL;
    part.low += f;
    part.high += f;
    part.mul += f;
    part.add += f;
    part.shift += f;
    return part;
}

static akrt_product product_part(const akrt_product *product, int32_t f, int32_t count) {
    const size_t at = (size_t)f * (size_t)product->depth;
    akrt_product part = *product;
    part.weights = part.weights == NULL ? NULL : part.weights + at;
    part.rest_weights = part.rest_weights == NULL ? NULL : part.rest_weights + at;
    part.start += f;
    part.filters = count;
    return part;
}

static int32_t at_most(int32_t n, int32_t most) { return n < most ? n : most; }

void AKRT_FN(akrt_matmul_u8s8_s8)(const uint8_t *a, const akrt_product *product,
                                  const akrt_scaled *scaled, int32_t rows, uint8_t *out) {
    int32_t sums[TILE_ROWS * TILE_FILTERS];
    for (int32_t f = 0; f < product->filters; f += TILE_FILTERS) {
        const int32_t count = at_most(product->filters - f, TILE_FILTERS);
        const akrt_product some = product_part(product, f, count);
        const akrt_scaled constants = scaled_part(scaled, f);
        for (int32_t r = 0; r < rows; r += TILE_ROWS) {
            const int32_t height = at_most(rows - r, TILE_ROWS);
            const uint8_t *from = a + (size_t)r * (size_t)product->depth;
            AKRT_FN(akrt_matmul_u8s8_s32)(from, NULL, NULL, &some, height, sums);
            for (int32_t n = 0; n < height; n++) {
                const size_t to = (size_t)(r + n) * (size_t)product->filters + (size_t)f;
                AKRT_FN(akrt_act_s32_scaled)(sums + n * count, &constants, 1, count, out + to);
            }
        }
    }
}

#undef TILE_ROWS
#undef TILE_FILTERS
