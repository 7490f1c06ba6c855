#ifndef AKRT_CONV_PRODUCT_H
#define AKRT_CONV_PRODUCT_H
#include "akrt_product.h"
#include "akrt_tap_source.h"
/* Potentials of a convolution of activations at a run of positions: akrt_product.h. Beyond the
 * edges of the input lie zeros. scratch: AKRT_PRODUCT_WORDS(inputs of a window). */

#if AKRT_MVE
/* Inputs `first` to `end` of the windows of a run, as (positions, size) bytes. */
static void akrt_patch_run(const akrt_mcu_window *w, const uint8_t *input, int32_t x, int32_t y,
                           int32_t count, int32_t first, int32_t end, int32_t size,
                           uint8_t *patch) {
    const int32_t line = w->size_y * w->channels;
    for (int32_t p = 0; p < count; p++) {
        const int32_t from_y = (y + p) * w->stride_y - w->pad_y;
        /* inputs of a line that are within */
        const int32_t low = from_y < 0 ? -from_y * w->channels : 0;
        const int32_t high = (w->in_y - from_y) * w->channels;
        memset(patch, 0, (size_t)size);
        for (int32_t i = first / line; i * line < end; i++) {
            const int32_t u = x * w->stride_x - w->pad_x + i;
            const int32_t before = first - i * line > low ? first - i * line : low;
            int32_t after = high < line ? high : line;
            after = end - i * line < after ? end - i * line : after;
            if (u >= 0 && u < w->in_x && after > before) {
                memcpy(patch + i * line + before - first,
                       input + (u * w->in_y + from_y) * w->channels + before,
                       (size_t)(after - before));
            }
        }
        patch += size;
    }
}

static void akrt_conv_product(const akrt_mcu_layer *layer, const uint8_t *input, int32_t x,
                              int32_t y, int32_t count, int32_t *scratch, int32_t *potentials) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = AKRT_RUN_FILTERS(layer->filters);
    const int32_t inputs = w->size_x * w->size_y * w->channels;
    const int32_t all = AKRT_PRODUCT_PAD(inputs);
    uint8_t *const patch = (uint8_t *)scratch;
    int32_t done = 0;
    memset(potentials, 0, (size_t)AKRT_RUN_POTENTIALS(filters) * sizeof *potentials);
    for (int32_t first = 0; first < inputs; first += AKRT_PRODUCT_TAPS) {
        const int32_t end = inputs - first < AKRT_PRODUCT_TAPS ? inputs : first + AKRT_PRODUCT_TAPS;
        const int32_t size = AKRT_PRODUCT_PAD(end - first);
        akrt_patch_run(w, input, x, y, count, first, end, size, patch);
        for (int32_t p = 0; p < count; p += 2) {
            const uint8_t *const a = patch + p * size;
            const uint8_t *const b = p + 1 < count ? a + size : a;
            const int32_t start = (int32_t)(akrt_product_sum(a, size) * 8);
            const int32_t start_b = (int32_t)(akrt_product_sum(b, size) * 8);
            const uint8_t *weights = (const uint8_t *)layer->weights + (first >> 1);
            int32_t *to = potentials + p * filters;
            for (int32_t f = 0; f < filters; f += 2) {
                uint32_t sums[4];
                akrt_product_two(a, b, size, weights, all >> 1, sums);
                to[0] += (int32_t)sums[0] - start;
                to[1] += (int32_t)sums[2] - start;
                to[filters] += (int32_t)sums[1] - start_b;
                to[filters + 1] += (int32_t)sums[3] - start_b;
                weights += all;
                to += 2;
                AKRT_TICK_WORK(done, size);
            }
        }
    }
}
#else
#if AKRT_LONG_MLA
typedef uint32_t akrt_product_patch; /* (inputs, 3): two positions to a word */
#else
typedef uint8_t akrt_product_patch; /* (inputs, AKRT_RUN) */
#endif

/* Inputs `first` to `end` of the windows of a run, as a patch. */
static void akrt_patch_run(const akrt_mcu_window *w, const uint8_t *input, int32_t x, int32_t y,
                           int32_t count, int32_t first, int32_t end, akrt_product_patch *patch) {
    static const uint8_t zero = 0;
    int32_t at = 0;
    for (int32_t k = first; k < end;) {
        const akrt_tap tap = akrt_tap_of(w, k, end);
        const int32_t u = x * w->stride_x - w->pad_x + tap.i;
        const int32_t v = y * w->stride_y - w->pad_y + tap.j;
        for (int32_t p = 0; p < count; p += 2) {
            const akrt_tap_source one =
                akrt_tap_at(w, input, &zero, u, v + p * w->stride_y, tap.channel);
            akrt_tap_source two =
                akrt_tap_at(w, input, &zero, u, v + (p + 1) * w->stride_y, tap.channel);
#if AKRT_LONG_MLA
            uint32_t *to = patch + 3 * at + (p >> 1);
            for (int32_t c = 0; c < tap.count; c++) {
                *to = (uint32_t)one.from[c * one.step] | (uint32_t)two.from[c * two.step] << 14;
                to += 3;
            }
#else
            uint8_t *to = patch + AKRT_RUN * at + p;
            for (int32_t c = 0; c < tap.count; c++) {
                to[0] = one.from[c * one.step];
                to[1] = two.from[c * two.step];
                to += AKRT_RUN;
            }
#endif
        }
        at += tap.count;
        k += tap.count;
    }
#if AKRT_LONG_MLA
    memset(patch + 3 * at, 0, (size_t)(3 * (-at & 3)) * sizeof *patch);
#else
    memset(patch + AKRT_RUN * at, 0, (size_t)(AKRT_RUN * (-at & 3)));
#endif
}

#if AKRT_LONG_MLA
/* Sums of 2 * `words` positions for a pair of filters over quads of inputs. */
#define AKRT_PRODUCT_TAP(at, u)                                                                    \
    do {                                                                                           \
        s0 += (uint64_t)patch[at] * (u);                                                           \
        if (words > 1) {                                                                           \
            s1 += (uint64_t)patch[(at) + 1] * (u);                                                 \
        }                                                                                          \
        if (words > 2) {                                                                           \
            s2 += (uint64_t)patch[(at) + 2] * (u);                                                 \
        }                                                                                          \
    } while (0)
static inline void akrt_product_quads(const uint32_t *patch, const uint32_t *weights, int32_t quads,
                                      int32_t words, uint64_t *sums) {
    const uint32_t *const end = weights + quads;
    uint64_t s0 = 0, s1 = 0, s2 = 0;
    do {
        const uint32_t word = *weights++;
        AKRT_PRODUCT_TAP(0, word & AKRT_PRODUCT_MASK);
        AKRT_PRODUCT_TAP(3, akrt_rotated(word, 8) & AKRT_PRODUCT_MASK);
        AKRT_PRODUCT_TAP(6, akrt_rotated(word, 16) & AKRT_PRODUCT_MASK);
        AKRT_PRODUCT_TAP(9, akrt_rotated(word, 24) & AKRT_PRODUCT_MASK);
        patch += 12;
    } while (weights != end);
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
}
#undef AKRT_PRODUCT_TAP

AKRT_IN_ORDER static void akrt_product_six(const uint32_t *patch, const uint32_t *weights,
                                           int32_t quads, uint64_t *sums) {
    akrt_product_quads(patch, weights, quads, 3, sums);
}

AKRT_IN_ORDER static void akrt_product_four(const uint32_t *patch, const uint32_t *weights,
                                            int32_t quads, uint64_t *sums) {
    akrt_product_quads(patch, weights, quads, 2, sums);
}

AKRT_IN_ORDER static void akrt_product_two(const uint32_t *patch, const uint32_t *weights,
                                           int32_t quads, uint64_t *sums) {
    akrt_product_quads(patch, weights, quads, 1, sums);
}

/* Adds the sums of a pair of filters, less where they started, to the potentials of a run. */
static inline void akrt_product_pair(const uint32_t *patch, const uint32_t *weights, int32_t quads,
                                     const uint32_t *start, int32_t count, int32_t filters,
                                     int32_t *to) {
    uint64_t both[AKRT_RUN / 2];
    const uint64_t *sums = both;
    if (count > 4) {
        akrt_product_six(patch, weights, quads, both);
    } else if (count > 2) {
        akrt_product_four(patch, weights, quads, both);
    } else {
        akrt_product_two(patch, weights, quads, both);
    }
    for (int32_t p = 0; p < count; p += 2) {
        const uint32_t low = (uint32_t)*sums, high = (uint32_t)(*sums >> 28);
        to[0] += (int32_t)((low & 0x3fffu) - start[p]);
        to[1] += (int32_t)((high & 0x3fffu) - start[p]);
        to[filters] += (int32_t)((low >> 14 & 0x3fffu) - start[p + 1]);
        to[filters + 1] += (int32_t)((high >> 14 & 0x3fffu) - start[p + 1]);
        to += 2 * filters;
        sums++;
    }
}

/* Eight times the sums of a run's inputs. */
static void akrt_patch_start(const uint32_t *patch, int32_t inputs, uint32_t *start) {
    uint32_t s0 = 0, s1 = 0, s2 = 0;
    for (int32_t k = 0; k < inputs; k++) {
        s0 += patch[0];
        s1 += patch[1];
        s2 += patch[2];
        patch += 3;
    }
    start[0] = (s0 & 0x3fffu) * 8;
    start[1] = (s0 >> 14) * 8;
    start[2] = (s1 & 0x3fffu) * 8;
    start[3] = (s1 >> 14) * 8;
    start[4] = (s2 & 0x3fffu) * 8;
    start[5] = (s2 >> 14) * 8;
}
#else
#if AKRT_RUN > 4
#define AKRT_PRODUCT_MORE                                                                          \
    s4 += a[4] * u;                                                                                \
    s5 += a[5] * u;
#else
#define AKRT_PRODUCT_MORE
#endif
#define AKRT_PRODUCT_TAP                                                                           \
    do {                                                                                           \
        const uint32_t u = word & AKRT_PRODUCT_MASK;                                               \
        s0 += a[0] * u;                                                                            \
        s1 += a[1] * u;                                                                            \
        s2 += a[2] * u;                                                                            \
        s3 += a[3] * u;                                                                            \
        AKRT_PRODUCT_MORE                                                                          \
        word >>= 4;                                                                                \
        a += AKRT_RUN;                                                                             \
    } while (0)
/* Sums of a run for a pair of filters over quads of inputs. */
AKRT_IN_ORDER static void akrt_product_quads(const uint8_t *a, const uint32_t *weights,
                                             int32_t quads, uint32_t *sums) {
    const uint32_t *const end = weights + quads;
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#if AKRT_RUN > 4
    uint32_t s4 = 0, s5 = 0;
#endif
    do {
        uint32_t word = *weights++;
        AKRT_PRODUCT_TAP;
        AKRT_PRODUCT_TAP;
        AKRT_PRODUCT_TAP;
        AKRT_PRODUCT_TAP;
    } while (weights != end);
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
#if AKRT_RUN > 4
    sums[4] = s4;
    sums[5] = s5;
#endif
}
#undef AKRT_PRODUCT_TAP
#undef AKRT_PRODUCT_MORE

static void akrt_patch_start(const uint8_t *patch, int32_t inputs, uint32_t *start) {
    for (int32_t p = 0; p < AKRT_RUN; p++) {
        uint32_t sum = 0;
        for (int32_t k = 0; k < inputs; k++) {
            sum += patch[AKRT_RUN * k + p];
        }
        start[p] = 8 * sum;
    }
}

/* Adds the sums of a pair of filters, less where they started, to the potentials of a run. */
static inline void akrt_product_pair(const uint8_t *patch, const uint32_t *weights, int32_t quads,
                                     const uint32_t *start, int32_t count, int32_t filters,
                                     int32_t *to) {
    uint32_t sums[AKRT_RUN];
    akrt_product_quads(patch, weights, quads, sums);
    for (int32_t p = 0; p < count; p++) {
        to[0] += (int32_t)((sums[p] & 0xffffu) - start[p]);
        to[1] += (int32_t)((sums[p] >> 16) - start[p]);
        to += filters;
    }
}
#endif

static void akrt_conv_product(const akrt_mcu_layer *layer, const uint8_t *input, int32_t x,
                              int32_t y, int32_t count, int32_t *scratch, int32_t *potentials) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = AKRT_RUN_FILTERS(layer->filters);
    const int32_t inputs = w->size_x * w->size_y * w->channels;
    const int32_t all_quads = (inputs + 3) >> 2;
    akrt_product_patch *const patch = (akrt_product_patch *)scratch;
    int32_t done = 0;
    memset(potentials, 0, (size_t)AKRT_RUN_POTENTIALS(filters) * sizeof *potentials);
    for (int32_t first = 0; first < inputs; first += AKRT_PRODUCT_TAPS) {
        const int32_t end = inputs - first < AKRT_PRODUCT_TAPS ? inputs : first + AKRT_PRODUCT_TAPS;
        const int32_t quads = (end - first + 3) >> 2;
        const uint32_t *weights = (const uint32_t *)layer->weights + (first >> 2);
        uint32_t start[AKRT_RUN];
        akrt_patch_run(w, input, x, y, count, first, end, patch);
        akrt_patch_start(patch, end - first, start);
        for (int32_t f = 0; f < filters; f += 2) {
            akrt_product_pair(patch, weights, quads, start, count, filters, potentials + f);
            weights += all_quads;
            AKRT_TICK_WORK(done, end - first);
        }
    }
}
#endif
#endif
