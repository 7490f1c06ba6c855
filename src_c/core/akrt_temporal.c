#include "core/akrt_temporal.h"
#include "core/akrt_exact.h"

#include <string.h>

void akrt_recall_inputs(const akrt_recall *recall, const uint8_t *input, uint8_t *memory,
                        uint8_t *seen) {
    const size_t before = (size_t)recall->steps - 1, line = (size_t)recall->line_bytes;
    const size_t whole = (size_t)recall->lines * line;
    for (int32_t i = 0; i < recall->lines; i++) {
        for (size_t step = 0; step < before; step++, seen += line) {
            memcpy(seen, memory + step * whole + (size_t)i * line, line);
        }
        memcpy(seen, input + (size_t)i * line, line);
        seen += line;
    }
    memmove(memory, memory + whole, (before - 1) * whole);
    memcpy(memory + (before - 1) * whole, input, whole);
}

/* An integer of 1, 2 or 4 bytes; those of 2 and 4 have a sign. */
static int32_t integer_at(const uint8_t *input, size_t at, int32_t item, int32_t has_sign) {
    if (item == 1) {
        return has_sign ? (int8_t)input[at] : input[at];
    }
    if (item == 2) {
        int16_t half;
        memcpy(&half, input + at * sizeof half, sizeof half);
        return half;
    }
    int32_t whole;
    memcpy(&whole, input + at * sizeof whole, sizeof whole);
    return whole;
}

/* Where a recurrent layer keeps what it works on, in bytes: the operand of a product of 16 bits;
 * what its states take in at every step; those that give outputs; one row of sums; one of inputs.
 */
typedef struct places {
    size_t taken, shown, wide, row, bytes;
} places;

static size_t aligned(size_t bytes) {
    return (bytes + (AKRT_ALIGNMENT - 1)) / AKRT_ALIGNMENT * AKRT_ALIGNMENT;
}

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

static places places_of(const akrt_recurrent *r, int32_t filters) {
    const size_t steps = (size_t)r->steps, outputs = (size_t)(r->steps / r->subsample);
    const size_t states = (size_t)r->states;
    const size_t operand = most(steps * (size_t)r->taken.depth, outputs * (size_t)r->given.depth);
    places p;
    p.taken = aligned(operand * sizeof(int16_t));
    p.shown = p.taken + aligned(steps * states * sizeof(int32_t));
    p.wide = p.shown + aligned(outputs * states * sizeof(int32_t));
    p.row = p.wide + aligned(most(states, (size_t)filters) * sizeof(int64_t));
    p.bytes = p.row + (size_t)r->channels * sizeof(int32_t);
    return p;
}

size_t akrt_recurrent_bytes(const akrt_recurrent *r, int32_t filters) {
    return places_of(r, filters).bytes;
}

/* One row of a product in 64 bits, saturated. */
static void wide_product(const int32_t *row, const int8_t *weights, int32_t depth, int32_t filters,
                         int32_t bits, int64_t *wide, int32_t *sums) {
    memset(wide, 0, (size_t)filters * sizeof *wide);
    for (int32_t k = 0; k < depth; k++, weights += filters) {
        const int64_t v = row[k];
        for (int32_t f = 0; f < filters && v != 0; f++) {
            wide[f] += v * weights[f];
        }
    }
    for (int32_t f = 0; f < filters; f++) {
        sums[f] = (int32_t)akrt_saturated(wide[f], bits);
    }
}

/* Rows of 32 bits, each of which fits 16, as the operand of a product. */
static void narrow(const int32_t *rows, int32_t count, int32_t used, int32_t depth, int16_t *to) {
    for (int32_t n = 0; n < count; n++, to += depth) {
        for (int32_t k = 0; k < used; k++) {
            to[k] = (int16_t)*rows++;
        }
        memset(to + used, 0, (size_t)(depth - used) * sizeof *to);
    }
}

/* What the states take in: the input behind its shift, times in_proj. */
static void take_in(const akrt_layer *layer, const uint8_t *input, uint8_t *rows, const places *p,
                    int32_t *taken) {
    const akrt_recurrent *r = &layer->operation.of.recurrent;
    int32_t *const row = (int32_t *)(void *)(rows + p->row);
    int16_t *const operand = (int16_t *)(void *)rows;
    const size_t channels = (size_t)r->channels;
    for (int32_t t = 0; t < r->steps; t++) {
        int16_t *const to = operand + (size_t)t * (size_t)r->taken.depth;
        for (size_t c = 0; c < channels; c++) {
            const int32_t v = integer_at(input, (size_t)t * channels + c, r->item, r->has_sign);
            const int64_t shifted = (int64_t)v * ((int64_t)1 << r->input_shift[c]);
            row[c] = (int32_t)akrt_saturated(shifted, r->buffer_bits);
        }
        if (r->taken.weights != NULL) {
            narrow(row, 1, r->channels, r->taken.depth, to);
        } else {
            wide_product(row, r->in_proj, r->channels, r->states, r->buffer_bits,
                         (int64_t *)(void *)(rows + p->wide),
                         taken + (size_t)t * (size_t)r->states);
        }
    }
    if (r->taken.weights != NULL) {
        layer->kernels->akrt_matmul_s16s16(operand, r->taken.weights, r->steps, r->taken.depth,
                                           r->states, taken);
    }
}

/* One step of all states. */
static void turn(const akrt_recurrent *r, const int32_t *taken, int32_t *real, int32_t *imag) {
    const int32_t bits = r->bits;
    for (int32_t s = 0; s < r->states; s++) {
        const int64_t re = real[s], im = imag[s];
        const int64_t bounded = akrt_saturated(taken[s], r->buffer_bits);
        const int64_t scaled = akrt_saturated(bounded * r->new_scale[s], bits);
        const int64_t new = akrt_saturated(akrt_rounded(scaled, r->new_shift[s]), bits);
        const int64_t a = akrt_saturated(akrt_saturated(re * r->a_real[s], bits) -
                                             akrt_saturated(im * r->a_imag[s], bits),
                                         bits);
        const int64_t b = akrt_saturated(akrt_saturated(re * r->a_imag[s], bits) +
                                             akrt_saturated(im * r->a_real[s], bits),
                                         bits);
        const int64_t turned = akrt_saturated(a + new, bits);
        real[s] = (int32_t)akrt_saturated(akrt_rounded(turned, r->state_shift[s]), r->state_bits);
        imag[s] = (int32_t)akrt_saturated(akrt_rounded(b, r->state_shift[s]), r->state_bits);
    }
}

void akrt_run_recurrent(const akrt_layer *layer, const uint8_t *input, void *memory, void *rows,
                        int32_t *sums) {
    const akrt_recurrent *r = &layer->operation.of.recurrent;
    const size_t states = (size_t)r->states, filters = (size_t)layer->filters;
    const places p = places_of(r, layer->filters);
    int32_t *const taken = (int32_t *)(void *)((uint8_t *)rows + p.taken);
    int32_t *const shown = (int32_t *)(void *)((uint8_t *)rows + p.shown);
    int32_t *const real = memory, *const imag = real + states;
    const int32_t outputs = r->steps / r->subsample;
    take_in(layer, input, rows, &p, taken);
    for (int32_t t = 0; t < r->steps; t++) {
        turn(r, taken + (size_t)t * states, real, imag);
        if (t % r->subsample == r->subsample - 1) {
            memcpy(shown + (size_t)(t / r->subsample) * states, real, states * sizeof *real);
        }
    }
    if (r->given.weights != NULL) {
        narrow(shown, outputs, r->states, r->given.depth, rows);
        layer->kernels->akrt_matmul_s16s16(rows, r->given.weights, outputs, r->given.depth,
                                           layer->filters, sums);
        for (size_t i = 0; i < (size_t)outputs * filters; i++) {
            sums[i] = (int32_t)akrt_saturated(sums[i], r->buffer_bits);
        }
        return;
    }
    for (size_t t = 0; t < (size_t)outputs; t++) {
        wide_product(shown + t * states, r->weights, r->states, layer->filters, r->buffer_bits,
                     (int64_t *)(void *)((uint8_t *)rows + p.wide), sums + t * filters);
    }
}

void akrt_run_compare(const akrt_compare *c, int32_t channels, const uint8_t *const inputs[2],
                      void *output) {
    const uint8_t *const predicted = inputs[c->prediction], *const target = inputs[!c->prediction];
    for (int32_t k = 0; k < channels; k++) {
        int64_t apart = 0;
        for (int32_t t = 0; t < c->steps; t++) {
            const size_t at = (size_t)t * (size_t)channels + (size_t)k;
            const int64_t v = integer_at(predicted, at, c->item, 1);
            const int64_t scaled = akrt_saturated(v * c->scale[k], c->buffer_bits);
            const int64_t near = akrt_saturated(akrt_rounded(scaled, c->shift[k]), 16);
            const int64_t distance = near - integer_at(target, at, 2, 1);
            apart += distance < 0 ? -distance : distance;
        }
        ((uint8_t *)output)[k] = apart / c->steps > c->threshold[k];
    }
}
