#ifndef AKRT_SEPARABLE_LINES_LONG_H
#define AKRT_SEPARABLE_LINES_LONG_H
#include "akrt_depthwise_lines_long.h"
#include "akrt_emit.h"
#include "akrt_pointwise_apart.h"
#include "akrt_pointwise_long.h"
#include "akrt_pointwise_triples.h"
/* A separable convolution with weights of at most 4 bits, a line of the output at a time.
 * scratch: AKRT_SEPARABLE_LINES_SCRATCH_WORDS, `groups` of
 * `row_bytes` channels each, or 0. */
#define AKRT_MID_BYTES(channels)                                                                   \
    (AKRT_RUN * AKRT_MID_CHANNELS(channels) * (int32_t)sizeof(akrt_mid))
/* Windows are of no use any more when potentials are computed. */
#define AKRT_LINE_WINDOWS AKRT_DEPTHWISE_WORDS
#if AKRT_DSP
#define AKRT_SEPARABLE_LINES_SCRATCH_WORDS(channels, size_x, size_y, stride_y, groups)             \
    (AKRT_RUN / 2 * AKRT_MID_CHANNELS(channels) +                                                  \
     AKRT_LARGER(AKRT_LINE_WINDOWS(size_x, size_y, stride_y),                                      \
                 AKRT_RUN * AKRT_TRIPLE_FILTERS + AKRT_MID_CHANNELS(channels)))
#else
#define AKRT_SEPARABLE_LINES_SCRATCH_WORDS(channels, size_x, size_y, stride_y, groups)             \
    (AKRT_MID_BYTES(channels) / 4 +                                                                \
     AKRT_LARGER(AKRT_LINE_WINDOWS(size_x, size_y, stride_y), AKRT_RUN * (8 + (int32_t)(groups))))
#endif

#if !AKRT_DSP
/* Weights are words: four channels of one filter, then of the next. Two filters share a
 * multiplication where over `row_bytes` channels both sums fit 16 bits, which the exporter has
 * proven: starting from -8 times the sum of depthwise results the word is sum0 + sum1 * 2^16. Where
 * row_bytes is 0 they are multiplied apart. */
#if !defined(__GNUC__)
#define AKRT_SET_START(p) s##p = start[p];
#define AKRT_ADD_CHANNEL(p) s##p += (uint32_t)a[p] * u;
#define AKRT_PUT_BOTH(p)                                                                           \
    to[(p)*filters] += (int16_t)(s##p & 0xffffu);                                                  \
    to[(p)*filters + 1] += (int32_t)(s##p + 0x8000u) >> 16;
AKRT_IN_ORDER static void akrt_pointwise_quads(const akrt_mid *a, const uint32_t *weights,
                                               int32_t quads, const uint32_t *start,
                                               int32_t filters, int32_t *to) {
    const uint32_t *const end = weights + quads;
    uint32_t s0, s1, s2, s3;
    uint32_t s4, s5;
    AKRT_RUN_EACH(AKRT_SET_START)
    do {
        uint32_t word = *weights++;
        for (int32_t k = 0; k < 4; k++) {
            const uint32_t u = word & 0x000f000fu;
            AKRT_RUN_EACH(AKRT_ADD_CHANNEL)
            word >>= 4;
            a += AKRT_RUN;
        }
    } while (weights != end);
    AKRT_RUN_EACH(AKRT_PUT_BOTH)
}
#undef AKRT_SET_START
#undef AKRT_ADD_CHANNEL
#undef AKRT_PUT_BOTH
#endif

static void akrt_pointwise_run(const akrt_mcu_layer *layer, const akrt_mid *mid, int32_t y,
                               int32_t count, int32_t *scratch, void *target) {
    const int32_t group = layer->row_bytes, channels = AKRT_MID_CHANNELS(layer->conv.channels);
    const int32_t quads = channels >> 2;
    const uint32_t *weights = (const uint32_t *)layer->weights;
    uint32_t *const starts = (uint32_t *)scratch + 8 * AKRT_RUN;
    uint32_t *start = starts;
    int32_t done = 0;
    for (int32_t c = 0; group > 0 && c < channels; c += group) {
        const int32_t end = channels - c < group ? channels : c + group;
        for (int32_t p = 0; p < AKRT_RUN; p++) {
            int32_t sum = 0;
            for (int32_t k = AKRT_RUN * c + p; k < AKRT_RUN * end; k += AKRT_RUN) {
                sum += mid[k];
            }
            *start++ = (uint32_t)sum * (0u - 8u * 65537u);
        }
    }
    for (int32_t first = 0; first < layer->filters; first += 8) {
        const int32_t some = layer->filters - first < 8 ? layer->filters - first : 8;
        memset(scratch, 0, 8 * AKRT_RUN * sizeof *scratch);
        for (int32_t f = 0; f < some; f += 2) {
            start = starts;
            for (int32_t c = 0; group > 0 && c < channels; c += group) {
                const int32_t many = channels - c < group ? channels - c : group;
                akrt_pointwise_quads(mid + c * AKRT_RUN, weights + (c >> 2), many >> 2, start, 8,
                                     scratch + f);
                start += AKRT_RUN;
            }
            for (int32_t p = 0; group == 0 && p < count; p++) {
                akrt_pointwise_apart(mid + p, AKRT_RUN, weights, quads, scratch + 8 * p + f);
            }
            weights += quads;
            AKRT_TICK_WORK(done, channels);
        }
        akrt_emit(layer, scratch, 8, first, some, y, count, target);
    }
}
#endif

AKRT_LAYER static void akrt_separable_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                            void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t run = akrt_run_length(w->out_y);
#if AKRT_DSP
    const int32_t octets = AKRT_LINE_WORDS(w->channels);
    akrt_triple_mid m = {(uint32_t *)scratch, 4 * octets, 0, 0, {0}};
    int32_t *const rest = scratch + AKRT_RUN * m.pairs;
    for (int32_t y = 0; y < w->out_y; y += run) {
        const int32_t count = w->out_y - y < run ? w->out_y - y : run;
        akrt_triple_run(&m, count);
        for (int32_t octet = 0; octet < octets; octet++) {
            uint32_t both[4 * AKRT_RUN];
            akrt_depthwise_long(layer, lines, y, count, octet, (uint32_t *)rest, both);
            akrt_triple_store(&m, octet, both);
            AKRT_TICK_AT(octet);
        }
        akrt_triple_begin(&m);
        akrt_pointwise_triples(layer, &m, y, count, rest, target);
        AKRT_TICK();
    }
#else
    akrt_mid *const mid = (akrt_mid *)scratch;
    int32_t *const rest = scratch + AKRT_MID_BYTES(w->channels) / 4;
    for (int32_t y = 0; y < w->out_y; y += run) {
        const int32_t count = w->out_y - y < run ? w->out_y - y : run;
        akrt_depthwise_run(layer, lines, y, count, (uint32_t *)rest, mid);
        akrt_pointwise_run(layer, mid, y, count, rest, target);
        AKRT_TICK();
    }
#endif
}
#endif
