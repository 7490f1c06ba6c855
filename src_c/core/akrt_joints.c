/* Nodes of Akida 2.0 without weights: where tensors join, and the ways in and out for floats. */
#include "core/akrt_exact.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A float product is rounded to a float at once; a compiler for x87 would leave that for later. */
#if FLT_EVAL_METHOD == 0
typedef float product;
#else
typedef volatile float product;
#endif

static float float_at(const uint8_t *floats, size_t at) {
    float v;
    memcpy(&v, floats + at * sizeof v, sizeof v);
    return v;
}

static int64_t signed_or_not(const uint8_t *bytes, size_t at, int32_t has_sign) {
    return has_sign ? (int64_t)(int8_t)bytes[at] : (int64_t)bytes[at];
}

static int64_t shifted(int64_t v, uint8_t shift, int32_t bits) {
    return akrt_saturated(v * ((int64_t)1 << shift), bits);
}

void akrt_run_shifted_add(const akrt_shifted_add *a, int32_t filters,
                          const uint8_t *const inputs[2], void *output) {
    size_t at = 0;
    for (int32_t p = 0; p < a->positions; p++) {
        for (int32_t c = 0; c < filters; c++, at++) {
            const int64_t first = signed_or_not(inputs[0], at, a->first_has_sign);
            const int64_t second = signed_or_not(inputs[1], at, a->second_has_sign);
            const int64_t sum = shifted(first, a->first_shift[c], a->buffer_bits) +
                                shifted(second, a->second_shift[c], a->buffer_bits);
            akrt_store(output, at, a->item, a->low, a->high,
                       akrt_rounded(akrt_saturated(sum, a->buffer_bits), a->shift[c]));
        }
    }
}

void akrt_run_concatenate(const akrt_concatenate *c, const uint8_t *const inputs[2], void *output) {
    const size_t first = (size_t)c->first_bytes, second = (size_t)c->second_bytes;
    uint8_t *out = output;
    for (size_t p = 0; p < (size_t)c->positions; p++, out += first + second) {
        memcpy(out, inputs[0] + p * first, first);
        memcpy(out + first, inputs[1] + p * second, second);
    }
}

void akrt_run_quantise(const akrt_quantise *q, int32_t channels, const uint8_t *input,
                       uint8_t *output) {
    for (int32_t p = 0; p < q->positions; p++) {
        for (int32_t c = 0; c < channels; c++) {
            const size_t across = (size_t)c * (size_t)q->positions + (size_t)p;
            const size_t along = (size_t)p * (size_t)channels + (size_t)c;
            const product scaled =
                float_at(input, q->channels_first ? across : along) * q->scale[c];
            const double v = (double)scaled;
            const int64_t magnitude = (int64_t)(fabs(v) + 0.5); /* below 2^31 */
            akrt_store(output, along, 1, q->low, q->high,
                       (v < 0 ? -magnitude : magnitude) + q->zero[c]);
        }
    }
}

void akrt_run_dequantise(const akrt_dequantise *d, int32_t channels, const uint8_t *input,
                         void *output) {
    size_t at = 0;
    for (int32_t p = 0; p < d->positions; p++) {
        for (int32_t c = 0; c < channels; c++, at++) {
            int32_t v = 0;
            if (d->item == 1) {
                v = (int32_t)signed_or_not(input, at, d->has_sign);
            } else if (d->item == 2) {
                int16_t half;
                memcpy(&half, input + at * sizeof half, sizeof half);
                v = half;
            } else {
                memcpy(&v, input + at * sizeof v, sizeof v);
            }
            const product whole = (float)v;
            const product scaled = whole * d->scale[c];
            const float made = scaled;
            memcpy((uint8_t *)output + at * sizeof made, &made, sizeof made);
        }
    }
}
