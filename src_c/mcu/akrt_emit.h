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

#define AKRT_EMIT_LEVEL(k, level)                                                                  \
    word = word << 4 | level(potentials[k], requant[k], layer->activation.shift);
#define AKRT_EMIT_EIGHT(level)                                                                     \
    AKRT_EMIT_LEVEL(7, level)                                                                      \
    AKRT_EMIT_LEVEL(6, level)                                                                      \
    AKRT_EMIT_LEVEL(5, level)                                                                      \
    AKRT_EMIT_LEVEL(4, level)                                                                      \
    AKRT_EMIT_LEVEL(3, level)                                                                      \
    AKRT_EMIT_LEVEL(2, level)                                                                      \
    AKRT_EMIT_LEVEL(1, level)                                                                      \
    AKRT_EMIT_LEVEL(0, level)
/* Activations of `some` filters from `f` on, eight at most. */
static inline uint32_t akrt_emit_word(const akrt_mcu_layer *layer, const int32_t *potentials,
                                      int32_t f, int32_t some) {
    const int32_t form = layer->activation.form;
    uint32_t word = 0;
    if (some == 8 && form == AKRT_FORM_MULADD) {
        const akrt_requant *const requant = layer->requant + f;
        AKRT_EMIT_EIGHT(akrt_level_muladd)
#if AKRT_LONG_MULTIPLY
    } else if (some == 8 && form == AKRT_FORM_HIGH_WORD) {
        const akrt_requant *const requant = layer->requant + f;
        AKRT_EMIT_EIGHT(akrt_level_high)
#endif
    } else {
        for (int32_t i = some; i-- > 0;) {
            word = word << 4 | akrt_level_of(layer, potentials[i], f + i);
        }
    }
    return word;
}
#undef AKRT_EMIT_LEVEL
#undef AKRT_EMIT_EIGHT

/* Adds potentials to the sums of their filters; a sum saturates at every addition. */
static void akrt_emit_sums(const int32_t *potentials, int32_t stride, int32_t some, int32_t count,
                           int32_t *sums) {
    for (int32_t f = 0; f < some; f++) {
        const int32_t *from = potentials + f;
        int32_t sum = sums[f];
        for (int32_t p = 0; p < count; p++) {
            /* |sum| is below 2^20 and |potential| below 2^31 - 2^20 */
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
    const int32_t words = AKRT_LINE_WORDS(layer->filters);
    const int32_t saturates = layer->emits == AKRT_EMITS_SATURATED;
    if (layer->emits == AKRT_EMITS_SUMS) {
        akrt_emit_sums(potentials, stride, some, count, (int32_t *)target + f);
        return;
    }
    for (int32_t p = y; p < y + count; p++) {
        if (layer->activation.form == AKRT_FORM_POTENTIALS) {
            int32_t *const to = (int32_t *)target + p * layer->filters + f;
            for (int32_t i = 0; i < some; i++) {
                to[i] = saturates ? akrt_saturate(potentials[i]) : potentials[i];
                AKRT_TICK_AT(i);
            }
        } else {
            uint32_t *to = (uint32_t *)target + p * words + (f >> 3);
            for (int32_t first = 0; first < some; first += 8) {
                const int32_t many = some - first < 8 ? some - first : 8;
                int32_t within[8];
                const int32_t *from = potentials + first;
                if (saturates) {
                    for (int32_t i = 0; i < many; i++) {
                        within[i] = akrt_saturate(from[i]);
                    }
                    from = within;
                }
                *to++ = akrt_emit_word(layer, from, f + first, many);
                AKRT_TICK_AT(first >> 3);
            }
        }
        potentials += stride;
    }
}
#endif
