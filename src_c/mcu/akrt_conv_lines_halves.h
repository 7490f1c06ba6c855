#ifndef AKRT_CONV_LINES_HALVES_H
#define AKRT_CONV_LINES_HALVES_H
#include "akrt_emit.h"
#include "akrt_strip_products_halves.h"
/* A convolution of activations, a line of the output at a time, on cores without long
 * multiplication. Weights are biased to 0..15: minus eight times the sum of a window's inputs takes
 * the bias off. */
#define AKRT_CONV_LINES_SCRATCH_WORDS(taps, channels, filters)                                     \
    (AKRT_PRODUCT_WORDS((taps) * (((int32_t)(channels) + 3) & ~3)) + AKRT_RUN_POTENTIALS(filters))

#define AKRT_SET_BOTH(p)                                                                           \
    to[0] = (int32_t)((sums[p] & 0xffffu) - start[p]);                                             \
    to[1] = (int32_t)((sums[p] >> 16) - start[p]);                                                 \
    to += filters;
#define AKRT_ADD_BOTH(p)                                                                           \
    to[0] += (int32_t)((sums[p] & 0xffffu) - start[p]);                                            \
    to[1] += (int32_t)((sums[p] >> 16) - start[p]);                                                \
    to += filters;
/* The potentials of a pair of filters at a run: set, or added to. */
static inline void akrt_strips_put(const uint32_t *sums, const uint32_t *start, int32_t count,
                                   int32_t filters, int32_t set, int32_t *to) {
    if (set) {
        AKRT_SET_BOTH(0) AKRT_SET_BOTH(1) AKRT_SET_BOTH(2) AKRT_SET_BOTH(3) if (count > 4) {
            AKRT_SET_BOTH(4) AKRT_SET_BOTH(5)
        }
    } else {
        AKRT_ADD_BOTH(0) AKRT_ADD_BOTH(1) AKRT_ADD_BOTH(2) AKRT_ADD_BOTH(3) if (count > 4) {
            AKRT_ADD_BOTH(4) AKRT_ADD_BOTH(5)
        }
    }
}
#undef AKRT_SET_BOTH
#undef AKRT_ADD_BOTH

/* The products of all strips: potentials (run, filters). Weights of a pair are `all` words. */
static void akrt_strips_multiply(const akrt_strips *s, const uint32_t *weights, int32_t all,
                                 int32_t quads, int32_t count, int32_t filters, int32_t set,
                                 int32_t *potentials) {
    uint32_t sums[AKRT_HALVES_PAIRS * AKRT_RUN];
    int32_t done = 0;
    s->taps[2 * s->count] = AKRT_STRIP_END;
    for (int32_t f = 0; f < filters; f += 2 * AKRT_HALVES_PAIRS) {
        const int32_t step = f + 2 < filters ? all : 0;
        if (count > 4) {
            akrt_strip_six(s->values, weights, step, s->taps, quads, sums);
        } else if (count > 2) {
            akrt_strip_four(s->values, weights, step, s->taps, quads, sums);
        } else {
            akrt_strip_two(s->values, weights, step, s->taps, quads, sums);
        }
        akrt_strips_put(sums, s->start, count, filters, set, potentials + f);
        if (AKRT_HALVES_PAIRS > 1 && step != 0) {
            akrt_strips_put(sums + (AKRT_HALVES_PAIRS - 1) * AKRT_RUN, s->start, count, filters,
                            set, potentials + f + 2);
        }
        weights += AKRT_HALVES_PAIRS * all;
        AKRT_TICK_WORK(done, 4 * AKRT_HALVES_PAIRS * quads * s->count);
    }
    AKRT_TICK();
}

AKRT_LAYER static void akrt_conv_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                       void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = AKRT_RUN_FILTERS(layer->filters), octets = AKRT_LINE_WORDS(w->channels);
    const int32_t of_tap = (w->channels + 3) >> 2, all = w->size_x * w->size_y * of_tap;
    const uint32_t *const weights = (const uint32_t *)layer->weights;
    int32_t *const potentials = scratch + AKRT_PRODUCT_WORDS(4 * all);
    akrt_strips s;
    s.taps = scratch;
    s.values = (akrt_strip_value *)(scratch + AKRT_PRODUCT_TAP_WORDS(4 * all));
    for (int32_t y = 0, count; y < w->out_y; y += count) {
        int32_t set = 1;
        count = akrt_halves_run(w->out_y - y);
        for (int32_t first = 0; first < octets; first += AKRT_STRIP_ROWS / 8) {
            int32_t some = octets - first, quads = of_tap - 2 * first;
            if (some > AKRT_STRIP_ROWS / 8) {
                some = AKRT_STRIP_ROWS / 8;
                quads = AKRT_STRIP_ROWS / 4;
            }
            akrt_strips_begin(&s);
            for (int32_t i = 0; i < w->size_x; i++) {
                for (int32_t phase = 0; phase < w->stride_y && phase < w->size_y; phase++) {
                    for (int32_t j = phase; lines[i] != NULL && j < w->size_y;
                         j += AKRT_STRIP_TAPS * w->stride_y) {
                        if (s.rows + 8 * some > AKRT_STRIP_ROWS) {
                            akrt_strips_multiply(&s, weights, all, quads, count, filters, set,
                                                 potentials);
                            set = 0;
                            akrt_strips_begin(&s);
                        }
                        akrt_strips_add(&s, w, lines[i], i, j, y, count, first, some, quads);
                    }
                }
            }
            if (s.count > 0) {
                akrt_strips_multiply(&s, weights, all, quads, count, filters, set, potentials);
                set = 0;
            }
        }
        for (int32_t k = 0; set && k < count * filters; k++) {
            potentials[k] = 0;
        }
        akrt_emit(layer, potentials, filters, 0, layer->filters, y, count, target);
        AKRT_TICK();
    }
}
#endif
