/* The inner product of akrt_matmul_u8s8_s32 and _u8. */
#ifndef AKRT_MATMUL_U8S8_INC
#define AKRT_MATMUL_U8S8_INC

static int32_t byte_potential(const uint8_t *a, const int16_t *rest, int spilt,
                              const akrt_product *product, int32_t f) {
    const size_t at = (size_t)f * (size_t)product->depth;
    const int8_t *weights = product->weights + at;
    int32_t sum = product->start[f];
    for (int32_t k = 0; k < product->depth; k++) {
        sum += a[k] * weights[k];
    }
    if (spilt) {
        const int16_t *rest_weights = product->rest_weights + at;
        for (int32_t k = 0; k < product->depth; k++) {
            sum += rest[k] * rest_weights[k];
        }
    }
    return sum;
}

#endif
