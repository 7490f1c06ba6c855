#ifndef AKRT_EMIT_MVE_H
#define AKRT_EMIT_MVE_H
#include "akrt_vector_levels_of.h"
#if AKRT_MVE
/* What becomes of the potentials of a layer: akrt_emit by vectors. Potentials come eight at a time,
 * of two positions for four filters, or of one position for eight: even filters, then odd ones. */
typedef struct akrt_vector_run {
    int32_t filter, filters; /* the first, and how many there are */
    int32_t y, count;        /* the first position, and how many there are */
    int32_t pairs;           /* of two positions, of which the second may be beyond `count` */
    int32_t parted;          /* 1, or 0: see akrt_vector_nibbles */
} akrt_vector_run;

static inline int32x4_t akrt_vector_saturated(int32x4_t p) {
    p = vmaxq_s32(p, vdupq_n_s32(AKRT_POTENTIAL_MIN));
    return vminq_s32(p, vdupq_n_s32(AKRT_POTENTIAL_MAX));
}

static inline int32x4x2_t akrt_vector_potentials(const int32_t *sums, int32_t parted,
                                                 int32_t saturates) {
    int32x4x2_t p;
    p.val[0] = vld1q_s32(sums);
    p.val[1] = vld1q_s32(sums + 4);
    if (!parted) {
        p.val[0] = vshrq_n_s32(p.val[0], 4);
        p.val[1] = vshrq_n_s32(vsubq_s32(p.val[1], p.val[0]), 4);
    }
    if (saturates) {
        p.val[0] = akrt_vector_saturated(p.val[0]);
        p.val[1] = akrt_vector_saturated(p.val[1]);
    }
    return p;
}

/* Potentials as they are, (Y, filters), or added to the sums of their filters. */
static void akrt_emit_vector_sums(const akrt_mcu_layer *layer, const akrt_vector_run *run,
                                  const int32_t *sums, int32_t *target) {
    const int32_t adds = layer->emits == AKRT_EMITS_SUMS;
    const int32_t all = layer->filters, saturates = layer->emits == AKRT_EMITS_SATURATED;
    int32_t *to = adds ? target : target + run->y * all;
    for (int32_t f = run->filter; f < run->filter + run->filters; f += run->pairs ? 4 : 8) {
        const mve_pred16_t there = vctp32q((uint32_t)(all - f));
        int32_t natural[8];
        int32x4_t first, second;
        vst2q_s32(natural, akrt_vector_potentials(sums, run->parted, saturates));
        first = vld1q_s32(natural);
        second = vld1q_s32(natural + 4);
        if (adds) {
            first = akrt_vector_saturated(vaddq_s32(first, vldrwq_z_s32(to + f, there)));
            if (run->pairs && run->count > 1) {
                first = akrt_vector_saturated(vaddq_s32(first, second));
            }
        }
        vstrwq_p_s32(to + f, first, there);
        if (!run->pairs && all - f > 4) {
            const mve_pred16_t more = vctp32q((uint32_t)(all - f - 4));
            if (adds) {
                second = vaddq_s32(second, vldrwq_z_s32(to + f + 4, more));
                second = akrt_vector_saturated(second);
            }
            vstrwq_p_s32(to + f + 4, second, more);
        } else if (run->count > 1 && !adds) {
            vstrwq_p_s32(to + all + f, second, there);
        }
        sums += 8;
    }
}

/* Activations in nibbles. `form` is the layer's, known to the compiler. */
static inline void akrt_emit_vector_form(const akrt_mcu_layer *layer, const akrt_vector_run *run,
                                         const int32_t *sums, int32_t form, uint8_t *to) {
    const uint32_t pitch = 4 * (uint32_t)AKRT_LINE_WORDS(layer->filters);
    const int32_t saturates = layer->emits == AKRT_EMITS_SATURATED, parted = run->parted;
    const int32_t step = run->pairs ? 4 : 8;
    const mve_pred16_t there = vctp32q(run->pairs && run->count == 1 ? 2 : 4);
    uint32x4_t at = vidupq_n_u32(0, 1), even = vidupq_n_u32(0, 2), table;
    const int32_t *const end = sums + (run->filters + step - 1) / step * 8;
    if (run->pairs) {
        even = vandq_u32(even, vdupq_n_u32(2));
        at = vaddq_u32(vmulq_n_u32(vshrq_n_u32(at, 1), pitch), vandq_u32(at, vdupq_n_u32(1)));
    }
    even = vaddq_n_u32(even, (uint32_t)run->filter);
    table = vaddq_n_u32(vshlq_n_u32(even, 3), (uint32_t)(uintptr_t)layer->requant);
    to += (uint32_t)run->y * pitch + ((uint32_t)run->filter >> 1);
    do {
        const int32x4x2_t p = akrt_vector_potentials(sums, parted, saturates);
        uint32x4_t low, high;
        if (form == AKRT_FORM_LEVELS) {
            low = akrt_vector_levels_of(layer, p.val[0], even);
            high = akrt_vector_levels_of(layer, p.val[1], vaddq_n_u32(even, 1));
            even = vaddq_n_u32(even, (uint32_t)step);
        } else {
            const int32x4_t factor = vldrwq_gather_base_s32(table, 0);
            const int32x4_t addend = vldrwq_gather_base_s32(table, 4);
            const int32x4_t factor1 = vldrwq_gather_base_s32(table, 8);
            const int32x4_t addend1 = vldrwq_gather_base_s32(table, 12);
            table = vaddq_n_u32(table, 8 * (uint32_t)step);
            if (form == AKRT_FORM_BISECTION) {
                const int32_t bits = layer->activation.bits;
                low = akrt_vector_bisect(p.val[0], factor, addend, bits);
                high = akrt_vector_bisect(p.val[1], factor1, addend1, bits);
            } else {
                const int32_t shift = layer->activation.shift;
                low = akrt_vector_scaled(p.val[0], factor, addend, form, shift);
                high = akrt_vector_scaled(p.val[1], factor1, addend1, form, shift);
            }
        }
        vstrbq_scatter_offset_p_u32(to, at, vsliq_n_u32(low, high, 4), there);
        to += step >> 1;
        sums += 8;
    } while (sums != end);
    if (((uintptr_t)to & 2u) != 0) {
        for (int32_t p = 0; p < run->count; p++) { /* the rest of the word */
            memset(to + (uint32_t)p * pitch, 0, 2);
        }
    }
}

/* target: a line, (Y, filters) of int32, or sums. */
static void akrt_emit_vectors(const akrt_mcu_layer *layer, const akrt_vector_run *run,
                              const int32_t *sums, void *target) {
    uint8_t *const to = (uint8_t *)target;
    if (layer->emits == AKRT_EMITS_SUMS || layer->activation.form == AKRT_FORM_POTENTIALS) {
        akrt_emit_vector_sums(layer, run, sums, (int32_t *)target);
        return;
    }
    switch (layer->activation.form) {
    case AKRT_FORM_MULADD:
        akrt_emit_vector_form(layer, run, sums, AKRT_FORM_MULADD, to);
        break;
    case AKRT_FORM_HIGH_WORD:
        akrt_emit_vector_form(layer, run, sums, AKRT_FORM_HIGH_WORD, to);
        break;
    case AKRT_FORM_BISECTION:
        akrt_emit_vector_form(layer, run, sums, AKRT_FORM_BISECTION, to);
        break;
    default:
        akrt_emit_vector_form(layer, run, sums, AKRT_FORM_LEVELS, to);
        break;
    }
}
#endif
#endif
