#include "core/akrt_exact.h"

#include <string.h>

/* Where the output `to` takes its tap from on an axis; -1: from outside, or nowhere. */
static int32_t source(const akrt_exact *e, int32_t to, int32_t tap, int32_t stride, int32_t pad,
                      int32_t size) {
    int32_t from = to * stride - pad + tap;
    if (e->transposed) { /* every second place is painted */
        from = to + pad - tap;
        if (from < 0 || from % stride) {
            return -1;
        }
        from /= stride;
    }
    return from < 0 || from >= size ? -1 : from;
}

/* An input of a channel behind its shift; NULL: what is beyond the edges. */
static int64_t shifted(const akrt_exact *e, const uint8_t *input, int32_t c) {
    if (input == NULL) {
        return e->border == NULL ? 0 : e->border[c];
    }
    const int64_t v = e->has_sign ? (int64_t)(int8_t)input[c] : (int64_t)input[c];
    if (e->input_shift == NULL) {
        return v;
    }
    return akrt_saturated(v * ((int64_t)1 << e->input_shift[c]), e->buffer_bits);
}

static void add_tap(const akrt_exact *e, const uint8_t *input, const int8_t *weights,
                    int32_t channels, int32_t filters, int64_t *wide) {
    for (int32_t c = 0; c < channels; c++) {
        const int64_t v = shifted(e, input, c);
        if (e->depthwise) {
            wide[c] += v * weights[c];
            if (e->steps) {
                wide[c] = akrt_saturated(wide[c], e->buffer_bits);
            }
            continue;
        }
        if (v != 0) {
            for (int32_t f = 0; f < filters; f++) {
                wide[f] += v * weights[f];
            }
        }
        weights += filters;
    }
}

static int32_t narrowed(const akrt_exact *e, int64_t v) {
    if (!e->wraps) {
        return (int32_t)akrt_saturated(v, 32);
    }
    const uint32_t low = (uint32_t)((uint64_t)v & UINT32_MAX);
    return low <= INT32_MAX ? (int32_t)low : -(int32_t)(UINT32_MAX - low) - 1;
}

void akrt_exact_row(const akrt_exact *e, const akrt_window *w, int32_t filters,
                    const uint8_t *input, int32_t x, int64_t *wide, int32_t *out) {
    const size_t channels = (size_t)w->channels;
    const size_t tap_weights = channels * (e->depthwise ? 1 : (size_t)filters);
    for (int32_t y = 0; y < w->out_y; y++) {
        const int8_t *weights = e->weights;
        memset(wide, 0, (size_t)filters * sizeof *wide);
        for (int32_t i = 0; i < w->size_x; i++) {
            const int32_t from_x = source(e, x, i, w->stride_x, w->pad_x, w->in_x);
            for (int32_t j = 0; j < w->size_y; j++, weights += tap_weights) {
                const int32_t from_y = source(e, y, j, w->stride_y, w->pad_y, w->in_y);
                const int inside = from_x >= 0 && from_y >= 0;
                if (inside) {
                    const size_t at = (size_t)from_x * (size_t)w->in_y + (size_t)from_y;
                    add_tap(e, input + at * channels, weights, w->channels, filters, wide);
                } else if (e->border != NULL) {
                    add_tap(e, NULL, weights, w->channels, filters, wide);
                }
            }
        }
        for (int32_t f = 0; f < filters; f++) {
            *out++ = narrowed(e, wide[f]);
        }
    }
}

/* A sum with its bias, saturated. */
static int64_t potential(const akrt_finish *f, int64_t sum, int32_t c) {
    sum += f->start != NULL ? f->start[c] : 0;
    if (f->bias_first) {
        return akrt_saturated(akrt_saturated(sum + f->bias[c], f->buffer_bits), f->bits);
    }
    return akrt_saturated(akrt_saturated(sum, f->buffer_bits) + f->bias[c], f->bits);
}

static int64_t activated(const akrt_finish *f, int64_t sum, int32_t c) {
    const int64_t p = potential(f, sum, c);
    if (f->most != NULL) {
        return p < 0 ? 0 : p > f->most[c] ? f->most[c] : p;
    }
    if (f->index_scale == NULL) {
        return p;
    }
    const int64_t scaled = akrt_saturated(p * f->index_scale[c], f->bits);
    return f->table[akrt_saturated(akrt_rounded(scaled, f->index_shift[c]), 11) + 1024];
}

static void emit(const akrt_finish *f, int64_t v, int32_t c, size_t at, void *output) {
    const int64_t scaled = akrt_saturated(v * f->scale[c], f->bits);
    akrt_store(output, at, f->item, f->low, f->high, akrt_rounded(scaled, f->shift[c]));
}

void akrt_store(void *output, size_t at, int32_t item, int64_t low, int64_t high, int64_t v) {
    const int64_t bounded = v < low ? low : v > high ? high : v;
    if (item == 1) {
        ((uint8_t *)output)[at] = (uint8_t)(bounded & UINT8_MAX);
    } else if (item == 2) {
        const int16_t half = (int16_t)bounded;
        memcpy((uint8_t *)output + at * sizeof half, &half, sizeof half);
    } else {
        const int32_t whole = (int32_t)bounded;
        memcpy((uint8_t *)output + at * sizeof whole, &whole, sizeof whole);
    }
}

void akrt_finish_sums(const akrt_finish *f, const int32_t *sums, int32_t positions, int32_t filters,
                      size_t at, void *output) {
    for (int32_t p = 0; p < positions; p++) {
        for (int32_t c = 0; c < filters; c++) {
            emit(f, activated(f, *sums++, c), c, at++, output);
        }
    }
}

void akrt_finish_add(const akrt_finish *f, const int32_t *sums, int32_t positions, int32_t filters,
                     int32_t *total) {
    for (int32_t p = 0; p < positions; p++) {
        for (int32_t c = 0; c < filters; c++) {
            total[c] = (int32_t)akrt_saturated(total[c] + activated(f, *sums++, c), f->bits);
        }
    }
}

void akrt_finish_total(const akrt_finish *f, const int32_t *total, int32_t filters, void *output) {
    for (int32_t c = 0; c < filters; c++) {
        emit(f, total[c], c, (size_t)c, output);
    }
}
