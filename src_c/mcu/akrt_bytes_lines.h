#ifndef AKRT_BYTES_LINES_H
#define AKRT_BYTES_LINES_H
#include "akrt_emit.h"
#include "akrt_runs.h"
#include "akrt_tap_source.h"
/* A convolution of bytes, (Y, C) to a line, with weights of 8 bits, a line of the output at a time.
 * scratch: AKRT_BYTES_LINES_SCRATCH_WORDS. */
#define AKRT_BYTES_LINES_SCRATCH_WORDS(inputs, filters)                                            \
    (AKRT_BYTES_WORDS(inputs) + AKRT_RUN_POTENTIALS(filters))

/* Weights are (filters, inputs), inputs filled up with zeros to a multiple of 4; the second and
 * third of four are swapped. */
#define AKRT_BYTES_TAPS 72
#if !AKRT_DSP
#include "akrt_bytes_halves.h"
#endif

#if AKRT_DSP
/* (inputs / 2, positions): a word has two inputs of a position. */
#define AKRT_BYTES_WORDS(inputs)                                                                   \
    (AKRT_RUN * ((int32_t)(inputs) < AKRT_BYTES_TAPS ? ((int32_t)(inputs) + 3) / 4 * 2             \
                                                     : AKRT_BYTES_TAPS / 2))
typedef uint32_t akrt_bytes_patch;
#define AKRT_BYTES_SHARE 2

static void akrt_patch_bytes(const akrt_mcu_window *w, const void *const *lines,
                             const uint8_t *border, int32_t y, int32_t count, int32_t first,
                             int32_t end, akrt_bytes_patch *patch) {
    int32_t at = 0;
    for (int32_t k = first; k < end;) {
        const akrt_tap tap = akrt_tap_of(w, k, end);
        int32_t v = y * w->stride_y - w->pad_y + tap.j;
        for (int32_t p = 0; p < count; p++) {
            const akrt_tap_source one = akrt_tap_at(w, lines[tap.i], border, v, tap.channel);
            for (int32_t c = 0; c < tap.count; c++) {
                const uint32_t value = one.from[c * one.step];
                uint32_t *const to = patch + AKRT_RUN * ((at + c) >> 1) + p;
                *to = ((at + c) & 1) != 0 ? *to | value << 16 : value;
            }
            v += w->stride_y;
        }
        at += tap.count;
        k += tap.count;
    }
    for (int32_t share = AKRT_BYTES_SHARE; (at & 3) != 0; at += share - (at & (share - 1))) {
        if ((at & (share - 1)) == 0) {
            memset(patch + AKRT_RUN * (at / share), 0, AKRT_RUN * sizeof *patch);
        }
    }
}

#define AKRT_BYTES_FOUR                                                                            \
    do {                                                                                           \
        uint32_t even, odd;                                                                        \
        __asm__("sxtb16 %0, %1" : "=r"(even) : "r"(word));                                         \
        __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(word));                                  \
        s0 = akrt_smlad(a[0], even, s0);                                                           \
        s1 = akrt_smlad(a[1], even, s1);                                                           \
        s2 = akrt_smlad(a[2], even, s2);                                                           \
        s3 = akrt_smlad(a[3], even, s3);                                                           \
        s4 = akrt_smlad(a[4], even, s4);                                                           \
        s5 = akrt_smlad(a[5], even, s5);                                                           \
        s0 = akrt_smlad(a[6], odd, s0);                                                            \
        s1 = akrt_smlad(a[7], odd, s1);                                                            \
        s2 = akrt_smlad(a[8], odd, s2);                                                            \
        s3 = akrt_smlad(a[9], odd, s3);                                                            \
        s4 = akrt_smlad(a[10], odd, s4);                                                           \
        s5 = akrt_smlad(a[11], odd, s5);                                                           \
        a += 12;                                                                                   \
    } while (0)
/* Sums of a run for one filter over quads of inputs. */
AKRT_IN_ORDER static void akrt_bytes_quads(const uint32_t *a, const int8_t *weights, int32_t quads,
                                           int32_t *sums) {
    const int8_t *const end = weights + 4 * quads;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0;
    do {
        uint32_t word;
        memcpy(&word, weights, sizeof word);
        AKRT_BYTES_FOUR;
        weights += 4;
    } while (weights != end);
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = s4;
    sums[5] = s5;
}
#undef AKRT_BYTES_FOUR

AKRT_LAYER static void akrt_bytes_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                        void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = AKRT_RUN_FILTERS(layer->filters), run = akrt_run_length(w->out_y);
    const int32_t inputs = w->size_x * w->size_y * w->channels, all = (inputs + 3) & ~3;
    const uint8_t border = (uint8_t)layer->border;
    akrt_bytes_patch *const patch = (akrt_bytes_patch *)scratch;
    int32_t *const potentials = scratch + AKRT_BYTES_WORDS(inputs);
    int32_t done = 0;
    for (int32_t y = 0; y < w->out_y; y += run) {
        const int32_t count = w->out_y - y < run ? w->out_y - y : run;
        for (int32_t first = 0; first < inputs; first += AKRT_BYTES_TAPS) {
            const int32_t end = inputs - first < AKRT_BYTES_TAPS ? inputs : first + AKRT_BYTES_TAPS;
            const int32_t quads = (end - first + 3) >> 2;
            const int8_t *weights = (const int8_t *)layer->weights + first;
            akrt_patch_bytes(w, lines, &border, y, count, first, end, patch);
            for (int32_t f = 0; f < layer->filters; f++) {
                int32_t sums[AKRT_RUN];
                akrt_bytes_quads(patch, weights, quads, sums);
                for (int32_t p = 0; p < count; p++) {
                    int32_t *const to = potentials + p * filters + f;
                    *to = first == 0 ? sums[p] : *to + sums[p];
                }
                weights += all;
                AKRT_TICK_WORK(done, end - first);
            }
        }
        akrt_emit(layer, potentials, filters, 0, layer->filters, y, count, target);
        AKRT_TICK();
    }
}
#endif
#endif
