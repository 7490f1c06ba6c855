#ifndef AKRT_AKIDA2_RECURRENT_H
#define AKRT_AKIDA2_RECURRENT_H
#include "akrt_akida2_activated.h"
#include "akrt_akida2_write.h"
#include "akrt_tick.h"
/* Complex numbers that follow from themselves and the input, step by step. */
typedef struct akrt_akida2_recurrence {
    int32_t steps, channels, states;
    int32_t subsample;   /* of so many steps the last gives an output */
    int32_t input_bytes; /* of an element: 1 or 4 */
    int32_t state_bits;
    int32_t narrow_in, narrow_out;  /* 32 bits hold the sums of the products */
    const uint8_t *input_shift;     /* by channel */
    const int8_t *in_proj;          /* (states, channels) */
    const int16_t *a_real, *a_imag; /* these and the following by state */
    const uint8_t *new_scale;
    const int8_t *new_shift, *state_shift;
} akrt_akida2_recurrence;

/* A product in 64 bits where 32 may not hold it, saturated. */
static int32_t akrt_akida2_row(const int32_t *row, const int8_t *weights, int32_t count,
                               int32_t narrow, int32_t bits) {
    if (narrow) {
        int32_t sum = 0;
        for (int32_t i = 0; i < count; i++) {
            sum += row[i] * weights[i];
            AKRT_TICK_AT(i);
        }
        return akrt_akida2_saturate(sum, bits);
    } else {
        int64_t sum = 0;
        for (int32_t i = 0; i < count; i++) {
            sum += (int64_t)row[i] * weights[i];
            AKRT_TICK_AT(i);
        }
        return akrt_akida2_saturate(sum, bits);
    }
}

/* One step of the number `s`; taken: what comes in. */
static void akrt_akida2_turn(const akrt_akida2_recurrence *r, int32_t s, int32_t taken,
                             int32_t bits, int32_t *real, int32_t *imag) {
    const int64_t re = *real, im = *imag;
    const int32_t scaled = akrt_akida2_saturate((int64_t)taken * r->new_scale[s], bits);
    const int32_t fresh = akrt_akida2_saturate(akrt_akida2_shifted(scaled, r->new_shift[s]), bits);
    const int32_t turned =
        akrt_akida2_saturate((int64_t)akrt_akida2_saturate(re * r->a_real[s], bits) -
                                 akrt_akida2_saturate(im * r->a_imag[s], bits),
                             bits);
    const int32_t other =
        akrt_akida2_saturate((int64_t)akrt_akida2_saturate(re * r->a_imag[s], bits) +
                                 akrt_akida2_saturate(im * r->a_real[s], bits),
                             bits);
    const int32_t sum = akrt_akida2_saturate((int64_t)turned + fresh, bits);
    const int32_t shift = r->state_shift[s];
    *real = akrt_akida2_saturate(akrt_akida2_shifted(sum, shift), r->state_bits);
    *imag = akrt_akida2_saturate(akrt_akida2_shifted(other, shift), r->state_bits);
}

/* A recurrent layer; its filters' weights are (filters, states). state: real parts, imaginary
 * parts. scratch: a word for each channel. */
#define AKRT_AKIDA2_RECURRENT_SCRATCH_WORDS(channels) ((int32_t)(channels))
static void akrt_akida2_recurrent(const akrt_akida2_layer *layer, const akrt_akida2_recurrence *r,
                                  const void *input, void *state, void *output, int32_t *scratch) {
    int32_t *const real = (int32_t *)state, *const imag = real + r->states;
    int32_t at = 0, made = 0, wait = r->subsample, done = 0;
    for (int32_t t = 0; t < r->steps; t++) {
        for (int32_t c = 0; c < r->channels; c++) {
            const uint32_t byte = r->input_bytes == 1 ? ((const uint8_t *)input)[at] : 0u;
            const int32_t value = r->input_bytes == 1
                                      ? (int32_t)(byte ^ (uint32_t)layer->sign) - layer->sign
                                      : ((const int32_t *)input)[at];
            scratch[c] = akrt_akida2_saturate(akrt_akida2_shifted(value, r->input_shift[c]),
                                              layer->buffer_bits);
            at++;
            AKRT_TICK_AT(c);
        }
        for (int32_t s = 0; s < r->states; s++) {
            const int32_t taken = akrt_akida2_row(scratch, r->in_proj + s * r->channels,
                                                  r->channels, r->narrow_in, layer->buffer_bits);
            akrt_akida2_turn(r, s, taken, layer->post_bits, real + s, imag + s);
            AKRT_TICK_WORK(done, r->channels + 64);
        }
        if (--wait != 0) {
            continue;
        }
        wait = r->subsample;
        for (int32_t f = 0; f < layer->filters; f++) {
            const int32_t sum = akrt_akida2_row(real, layer->weights + f * r->states, r->states,
                                                r->narrow_out, layer->buffer_bits);
            akrt_akida2_write(layer, f, akrt_akida2_activated(layer, f, sum), output, made);
            made++;
            AKRT_TICK_WORK(done, r->states + 16);
        }
    }
}
#endif
