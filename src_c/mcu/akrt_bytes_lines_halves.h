#ifndef AKRT_BYTES_LINES_HALVES_H
#define AKRT_BYTES_LINES_HALVES_H
#include "akrt_bytes_products_halves.h"
#include "akrt_emit.h"
/* A convolution of bytes with weights of 8 bits on cores that multiply words: inputs of the windows
 * of a run are a patch, (inputs, AKRT_BYTES_ROW), in the order of the weights. */
#define AKRT_BYTES_WORDS(inputs)                                                                   \
    (4 * ((int32_t)(inputs) < AKRT_BYTES_MOST ? ((int32_t)(inputs) + 3) / 4 * 4 : AKRT_BYTES_MOST))

#define AKRT_BYTES_LINES_SCRATCH_WORDS(inputs, filters)                                            \
    (AKRT_BYTES_WORDS(inputs) + AKRT_BYTES_FILTERS * AKRT_BYTES_SUMS + AKRT_RUN_POTENTIALS(filters))

/* Where input `k` of rows of `words` words lies in a patch. */
static inline uint32_t *akrt_bytes_row(uint32_t *patch, int32_t k, int32_t words) {
    return patch + words * (((k + 1) & 2) != 0 ? k ^ 3 : k);
}

/* The next input of a window. */
typedef struct akrt_bytes_at {
    int32_t i, j, channel;
} akrt_bytes_at;

/* `some` channels of a tap at positions from `v` on. `line` begins with the first of the channels
 * and has `width` positions. */
static inline void akrt_bytes_tap(const akrt_mcu_window *w, const uint8_t *line, int32_t width,
                                  uint32_t border, int32_t v, int32_t count, int32_t some,
                                  int32_t k, uint32_t *patch) {
    const int32_t stride = w->stride_y, step = stride * w->channels;
    const int32_t words = AKRT_BYTES_ROW(count);
    const int inside = v >= 0 && v + (count - 1) * stride < width;
    const uint8_t *first = line;
    uint32_t x[AKRT_RUN];
    for (int32_t p = 0; p < AKRT_RUN; p++) {
        x[p] = 0;
    }
    for (const int32_t end = k + some; k < end; k++) {
        if (inside) {
            const uint8_t *one = first + v * w->channels;
            x[0] = *one;
            if (count == AKRT_RUN) {
                x[1] = *(one += step);
                x[2] = *(one += step);
                x[3] = *(one += step);
                x[4] = *(one += step);
                x[5] = *(one + step);
            } else {
                for (int32_t p = 1; p < count; p++) {
                    one += step;
                    x[p] = *one;
                }
            }
        } else {
            int32_t here = v, at = v * w->channels;
            for (int32_t p = 0; p < count; p++) {
                x[p] = here >= 0 && here < width ? first[at] : border;
                here += stride;
                at += step;
            }
        }
        akrt_bytes_pack(x, count, akrt_bytes_row(patch, k, words));
        first++;
    }
}

/* The next `inputs` inputs of the windows of a run, filled up with zeros to a multiple of 4. */
static void akrt_bytes_patch(const akrt_mcu_window *w, const void *const *lines, uint32_t border,
                             int32_t y, int32_t count, int32_t inputs, akrt_bytes_at *at,
                             uint32_t *patch) {
    const int32_t words = AKRT_BYTES_ROW(count);
    int32_t k = 0;
    while (k < inputs) {
        const uint8_t *const line = (const uint8_t *)lines[at->i];
        const int32_t left = w->channels - at->channel;
        const int32_t some = left < inputs - k ? left : inputs - k;
        akrt_bytes_tap(w, line == NULL ? line : line + at->channel, line == NULL ? 0 : w->in_y,
                       border, y * w->stride_y - w->pad_y + at->j, count, some, k, patch);
        k += some;
        at->channel += some;
        if (at->channel == w->channels) {
            at->channel = 0;
            if (++at->j == w->size_y) {
                at->j = 0;
                at->i++;
            }
        }
    }
    for (; (k & 3) != 0; k++) {
        uint32_t *const row = akrt_bytes_row(patch, k, words);
        for (int32_t i = 0; i < words; i++) {
            row[i] = 0;
        }
    }
}

/* The potentials of all filters over `inputs` inputs: set, or added to. Of the last quad of weights
 * the third comes second. */
static void akrt_bytes_filters(const akrt_mcu_layer *layer, const uint32_t *patch,
                               const int8_t *weights, int32_t step, int32_t inputs, int32_t count,
                               int set, uint32_t *sums, int32_t *potentials) {
    const int32_t filters = AKRT_RUN_FILTERS(layer->filters);
    const int32_t used = (inputs & 3) == 2 ? inputs + 1 : inputs;
    int32_t done = 0;
    for (int32_t first = 0; first < layer->filters; first += AKRT_BYTES_FILTERS) {
        const int32_t left = layer->filters - first;
        const int32_t some = left < AKRT_BYTES_FILTERS ? left : AKRT_BYTES_FILTERS;
        if (count > 4) {
            akrt_bytes_six(patch, weights, step, used, some, sums);
        } else if (count == 4) {
            akrt_bytes_four(patch, weights, step, used, some, sums);
        } else {
            akrt_bytes_three(patch, weights, step, used, some, sums);
        }
        akrt_bytes_put(sums, some, count, filters, set, potentials);
        potentials += some;
        weights += AKRT_BYTES_FILTERS * step;
        AKRT_TICK_WORK(done, AKRT_BYTES_FILTERS * inputs);
    }
}

AKRT_LAYER static void akrt_bytes_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                        void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = AKRT_RUN_FILTERS(layer->filters);
    const int32_t inputs = w->size_x * w->size_y * w->channels, all = (inputs + 3) & ~3;
    uint32_t *const patch = (uint32_t *)scratch, *const sums = patch + AKRT_BYTES_WORDS(inputs);
    int32_t *const potentials =
        scratch + AKRT_BYTES_WORDS(inputs) + AKRT_BYTES_FILTERS * AKRT_BYTES_SUMS;
    for (int32_t y = 0, count; y < w->out_y; y += count) {
        akrt_bytes_at at = {0, 0, 0};
        count = akrt_halves_run(w->out_y - y);
        for (int32_t first = 0; first < inputs; first += AKRT_BYTES_MOST) {
            const int32_t left = inputs - first;
            const int32_t some = left < AKRT_BYTES_MOST ? left : AKRT_BYTES_MOST;
            akrt_bytes_patch(w, lines, (uint32_t)layer->border, y, count, some, &at, patch);
            akrt_bytes_filters(layer, patch, (const int8_t *)layer->weights + first, all, some,
                               count, first == 0, sums, potentials);
        }
        akrt_emit(layer, potentials, filters, 0, layer->filters, y, count, target);
        AKRT_TICK();
    }
}
#endif
