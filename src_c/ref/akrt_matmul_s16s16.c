#include "akrt/kernels.h"

/* Four filters at a time: one read of the activations serves four sums, and the loop is of the
 * form that compilers turn into 16-bit multiply-add instructions. */
static void dot4(const int16_t *AKRT_RESTRICT a, const int16_t *AKRT_RESTRICT w, int32_t depth,
                 int32_t *AKRT_RESTRICT out) {
    const int16_t *w0 = w, *w1 = w0 + depth, *w2 = w1 + depth, *w3 = w2 + depth;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t k = 0; k < depth; k++) {
        s0 += a[k] * w0[k];
        s1 += a[k] * w1[k];
        s2 += a[k] * w2[k];
        s3 += a[k] * w3[k];
    }
    out[0] = s0;
    out[1] = s1;
    out[2] = s2;
    out[3] = s3;
}

static int32_t dot(const int16_t *AKRT_RESTRICT a, const int16_t *AKRT_RESTRICT w, int32_t depth) {
    int32_t sum = 0;
    for (int32_t k = 0; k < depth; k++) {
        sum += a[k] * w[k];
    }
    return sum;
}

void AKRT_FN(akrt_matmul_s16s16)(const int16_t *a, const int16_t *weights, int32_t rows,
                                 int32_t depth, int32_t filters, int32_t *out) {
    const size_t row_length = (size_t)depth, width = (size_t)filters;
    int32_t f = 0;
    for (; f + 4 <= filters; f += 4) {
        for (int32_t r = 0; r < rows; r++) {
            dot4(a + (size_t)r * row_length, weights + (size_t)f * row_length, depth,
                 out + (size_t)r * width + (size_t)f);
        }
    }
    for (; f < filters; f++) {
        for (int32_t r = 0; r < rows; r++) {
            out[(size_t)r * width + (size_t)f] =
                dot(a + (size_t)r * row_length, weights + (size_t)f * row_length, depth);
        }
    }
}
