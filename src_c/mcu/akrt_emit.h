#ifndef AKRT_EMIT_H
#define AKRT_EMIT_H
#include "akrt_level_bisect.h"
#include "akrt_level_high.h"
#include "akrt_level_muladd.h"
#include "akrt_lines.h"
#include "akrt_saturate.h"
#include "akrt_tick.h"
/* What becomes of the potentials of a layer. */

/* The activation of a potential of filter `f`. */
static inline uint32_t akrt_level_of(const akrt_mcu_layer *layer, int32_t potential, int32_t f) {
    const int32_t shift = layer->activation.shift, bits = layer->activation.bits;
    const int32_t top = ((int32_t)1 << bits) - 1;
    const int32_t *levels;
    int32_t n = 0;
    switch (layer->activation.form) {
    case AKRT_FORM_MULADD:
        return akrt_level_muladd(potential, layer->requant[f], shift);
    case AKRT_FORM_HIGH_WORD:
        return akrt_level_high(potential, layer->requant[f], shift);
    case AKRT_FORM_BISECTION:
        return akrt_level_bisect(potential, layer->requant[f], bits);
    default:
        levels = layer->levels + f * top;
        while (n < top && potential > levels[n]) {
            n++;
        }
        return (uint32_t)n;
    }
}

#define AKRT_EMIT_LEVEL(k, level) word = word << 4 | level(from[k], requant[k], shift);
#define AKRT_EMIT_EIGHT(level)                                                                     \
    do {                                                                                           \
        uint32_t word = 0;                                                                         \
        AKRT_EMIT_LEVEL(7, level)                                                                  \
        AKRT_EMIT_LEVEL(6, level)                                                                  \
        AKRT_EMIT_LEVEL(5, level)                                                                  \
        AKRT_EMIT_LEVEL(4, level)                                                                  \
        AKRT_EMIT_LEVEL(3, level)                                                                  \
        AKRT_EMIT_LEVEL(2, level)                                                                  \
        AKRT_EMIT_LEVEL(1, level)                                                                  \
        AKRT_EMIT_LEVEL(0, level)                                                                  \
        *to = word;                                                                                \
        to += words;                                                                               \
        from += stride;                                                                            \
    } while (to != end)
#if !AKRT_LONG_MULTIPLY
#define AKRT_BISECT_BIT(k)                                                                         \
    do {                                                                                           \
        rest = v - (step << (k));                                                                  \
        word += word;                                                                              \
        if (rest > 0) {                                                                            \
            v = rest;                                                                              \
            word++;                                                                                \
        }                                                                                          \
    } while (0)
/* Eight activations of 4 bits by bisection, a bit after the other; see akrt_level_bisect. */
AKRT_IN_ORDER static uint32_t akrt_bisect_eight(const int32_t *from, const akrt_requant *requant) {
    const akrt_requant *r = requant + 8;
    uint32_t word = 0;
    from += 8;
    do {
        const int32_t step = (--r)->addend;
        int32_t v = (*--from - r->factor) * 16 + step, rest;
        AKRT_BISECT_BIT(3);
        AKRT_BISECT_BIT(2);
        AKRT_BISECT_BIT(1);
        AKRT_BISECT_BIT(0);
    } while (r != requant);
    return word;
}
#undef AKRT_BISECT_BIT
#endif

/* A word of activations of `some` filters from `f` on, eight at most, at `count` positions. Words
 * of the output lie `words` apart. */
static void akrt_emit_words(const akrt_mcu_layer *layer, const int32_t *from, int32_t stride,
                            int32_t f, int32_t some, int32_t count, uint32_t *to) {
    const int32_t words = AKRT_LINE_WORDS(layer->filters), shift = layer->activation.shift;
    const uint32_t *const end = to + count * words;
    const akrt_requant *const requant = layer->requant + f;
    const int32_t form = layer->emits == AKRT_EMITS_SATURATED || some < 8
                             ? (int32_t)AKRT_FORM_LEVELS
                             : layer->activation.form;
    if (form == AKRT_FORM_MULADD) {
        AKRT_EMIT_EIGHT(akrt_level_muladd);
#if AKRT_LONG_MULTIPLY
    } else if (form == AKRT_FORM_HIGH_WORD) {
        AKRT_EMIT_EIGHT(akrt_level_high);
#else
    } else if (form == AKRT_FORM_BISECTION && layer->activation.bits == 4) {
        do {
            *to = akrt_bisect_eight(from, requant);
            to += words;
            from += stride;
        } while (to != end);
#endif
    } else {
        do {
            uint32_t word = 0;
            for (int32_t i = some; i-- > 0;) {
                const int32_t one =
                    layer->emits == AKRT_EMITS_SATURATED ? akrt_saturate(from[i]) : from[i];
                word = word << 4 | akrt_level_of(layer, one, f + i);
            }
            *to = word;
            to += words;
            from += stride;
        } while (to != end);
    }
}
#undef AKRT_EMIT_LEVEL
#undef AKRT_EMIT_EIGHT

/* Adds potentials to the sums of their filters; a sum saturates at every addition: |sum| is below
 * 2^20 and |potential| below 2^31 - 2^20. */
static void akrt_emit_sums(const int32_t *potentials, int32_t stride, int32_t some, int32_t count,
                           int32_t *sums) {
    int32_t f = 0;
    for (; f + 4 <= some; f += 4) {
        const int32_t *from = potentials + f, *const end = from + count * stride;
        int32_t s0 = sums[f], s1 = sums[f + 1], s2 = sums[f + 2], s3 = sums[f + 3];
        do {
            s0 = akrt_saturate(s0 + from[0]);
            s1 = akrt_saturate(s1 + from[1]);
            s2 = akrt_saturate(s2 + from[2]);
            s3 = akrt_saturate(s3 + from[3]);
            from += stride;
        } while (from != end);
        sums[f] = s0;
        sums[f + 1] = s1;
        sums[f + 2] = s2;
        sums[f + 3] = s3;
        AKRT_TICK_AT(f + 3);
    }
    for (; f < some; f++) {
        const int32_t *from = potentials + f;
        int32_t sum = sums[f];
        for (int32_t p = 0; p < count; p++) {
            sum = akrt_saturate(sum + *from);
            from += stride;
        }
        sums[f] = sum;
        AKRT_TICK_AT(f);
    }
}

/* Potentials of `some` filters from `f` on, a multiple of 8, at `count` positions from `y` on,
 * those of a position `stride` apart. target: a line, (Y, filters) of int32, or sums. */
static void akrt_emit(const akrt_mcu_layer *layer, const int32_t *potentials, int32_t stride,
                      int32_t f, int32_t some, int32_t y, int32_t count, void *target) {
    if (layer->emits == AKRT_EMITS_SUMS) {
        akrt_emit_sums(potentials, stride, some, count, (int32_t *)target + f);
    } else if (layer->activation.form == AKRT_FORM_POTENTIALS) {
        int32_t *to = (int32_t *)target + y * layer->filters + f;
        for (int32_t p = 0; p < count; p++) {
            for (int32_t i = 0; i < some; i++) {
                to[i] = layer->emits == AKRT_EMITS_SATURATED ? akrt_saturate(potentials[i])
                                                             : potentials[i];
                AKRT_TICK_AT(i);
            }
            potentials += stride;
            to += layer->filters;
        }
    } else {
        uint32_t *to = (uint32_t *)target + y * AKRT_LINE_WORDS(layer->filters) + (f >> 3);
        for (int32_t first = 0; first < some; first += 8) {
            akrt_emit_words(layer, potentials + first, stride, f + first,
                            some - first < 8 ? some - first : 8, count, to++);
            AKRT_TICK_AT(first >> 3);
        }
    }
}
#endif
