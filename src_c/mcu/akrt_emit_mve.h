#ifndef AKRT_EMIT_MVE_H
#define AKRT_EMIT_MVE_H
#include "akrt_vector_levels_of.h"
#include "akrt_vector_scaled.h"
#if AKRT_MVE
/* What becomes of the potentials of a layer: akrt_emit by vectors. Potentials come eight at a time,
 * of two positions for four filters, or of one position for eight: even filters, then odd ones. */
typedef struct akrt_vector_run {
    int32_t filter, groups; /* the first filter, and how many times eight potentials there are */
    int32_t y, count;       /* the first position, and how many there are */
    int32_t pairs; /* 1: two positions, of which the second is the first again if it is not there */
    int32_t parted; /* 0: sums of akrt_vector_nibbles */
} akrt_vector_run;

/* What the calls of a line have in common. */
typedef struct akrt_vector_lanes {
    uint32x4_t even; /* filters of the first eight potentials */
    uint32x4_t at;   /* where the bytes of two filters go */
    int32_t pitch;   /* bytes from one position of the target to the next */
    int32_t scaled;  /* whether akrt_vector_scaled serves */
} akrt_vector_lanes;

static inline akrt_vector_lanes akrt_vector_lanes_of(const akrt_mcu_layer *layer, int32_t pairs) {
    const uint32x4_t each = vidupq_n_u32(0, 1);
    akrt_vector_lanes lanes;
    lanes.pitch = 4 * AKRT_LINE_WORDS(layer->filters);
    lanes.scaled =
        layer->activation.form >= AKRT_FORM_HIGH_WORD && layer->emits == AKRT_EMITS_OUTPUT;
    lanes.even = vidupq_n_u32(0, 2);
    lanes.at = each;
    if (pairs) {
        lanes.even = vandq_u32(lanes.even, vdupq_n_u32(2));
        lanes.at = vaddq_u32(vmulq_n_u32(vshrq_n_u32(each, 1), (uint32_t)lanes.pitch),
                             vandq_u32(each, vdupq_n_u32(1)));
    }
    return lanes;
}

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

/* Potentials as they are, (Y, filters), or added to the sums of their filters: the first four of
 * two positions, or eight of one. */
static void akrt_emit_vector_group(const akrt_mcu_layer *layer, const akrt_vector_run *run,
                                   int32_t f, int32x4_t first, int32x4_t second, int32_t *to) {
    const int32_t adds = layer->emits == AKRT_EMITS_SUMS, left = layer->filters - f;
    const mve_pred16_t there = vctp32q((uint32_t)left);
    if (adds) {
        first = akrt_vector_saturated(vaddq_s32(first, vldrwq_z_s32(to + f, there)));
        if (run->pairs && run->count > 1) {
            first = akrt_vector_saturated(vaddq_s32(first, second));
        }
    }
    vstrwq_p_s32(to + f, first, there);
    if (!run->pairs && left > 4) {
        const mve_pred16_t more = vctp32q((uint32_t)left - 4);
        if (adds) {
            second = vaddq_s32(second, vldrwq_z_s32(to + f + 4, more));
            second = akrt_vector_saturated(second);
        }
        vstrwq_p_s32(to + f + 4, second, more);
    } else if (run->count > 1 && !adds) {
        vstrwq_p_s32(to + layer->filters + f, second, there);
    }
}

static void akrt_emit_vector_sums(const akrt_mcu_layer *layer, const akrt_vector_run *run,
                                  const int32_t *sums, int32_t *target) {
    const int32_t saturates = layer->emits == AKRT_EMITS_SATURATED;
    const int32_t two = run->pairs && run->count > 1 && layer->emits == AKRT_EMITS_SUMS;
    int32_t *const to = layer->emits == AKRT_EMITS_SUMS ? target : target + run->y * layer->filters;
    int32_t f = run->filter;
    for (int32_t group = 0; group < run->groups; group++) {
        int32_t natural[8];
        int32x4_t first, second;
        vst2q_s32(natural, akrt_vector_potentials(sums, run->parted, saturates));
        first = vld1q_s32(natural);
        second = vld1q_s32(natural + 4);
        if (two && layer->filters - f >= 4) {
            first = akrt_vector_saturated(vaddq_s32(first, vld1q_s32(to + f)));
            vst1q_s32(to + f, akrt_vector_saturated(vaddq_s32(first, second)));
        } else {
            akrt_emit_vector_group(layer, run, f, first, second, to);
        }
        f += run->pairs ? 4 : 8;
        sums += 8;
    }
}

/* Activations in nibbles, by any form. Returns where the target is then. */
static uint8_t *akrt_emit_vector_form(const akrt_mcu_layer *layer, const akrt_vector_run *run,
                                      uint32x4_t even, uint32x4_t where, const int32_t *sums,
                                      uint8_t *to) {
    const int32_t form = layer->activation.form, bits = layer->activation.bits;
    const int32_t shift = layer->activation.shift, step = run->pairs ? 4 : 8;
    const int32_t saturates = layer->emits == AKRT_EMITS_SATURATED;
    for (int32_t group = 0; group < run->groups; group++) {
        const int32x4x2_t p = akrt_vector_potentials(sums, run->parted, saturates);
        uint32x4_t both[2];
        for (uint32_t odd = 0; odd < 2; odd++) {
            const uint32x4_t filter = vaddq_n_u32(even, odd);
            const int32_t *const factors = &layer->requant->factor;
            const uint32x4_t at = vshlq_n_u32(filter, 3);
            if (form == AKRT_FORM_LEVELS) {
                both[odd] = akrt_vector_levels_of(layer, p.val[odd], filter);
            } else {
                const int32x4_t factor = vldrwq_gather_offset_s32(factors, at);
                const int32x4_t addend = vldrwq_gather_offset_s32(factors + 1, at);
                if (form == AKRT_FORM_BISECTION) {
                    both[odd] = akrt_vector_bisect(p.val[odd], factor, addend, bits);
                } else {
                    both[odd] = akrt_vector_level(p.val[odd], factor, addend, form, shift);
                }
            }
        }
        vstrbq_scatter_offset_u32(to, where, vsliq_n_u32(both[0], both[1], 4));
        even = vaddq_n_u32(even, (uint32_t)step);
        to += step >> 1;
        sums += 8;
    }
    return to;
}

/* target: a line, (Y, filters) of int32, or sums. `pairs` and `parted` of the run are known to the
 * compiler. */
static inline void akrt_emit_vectors(const akrt_mcu_layer *layer, const akrt_vector_run *run,
                                     const akrt_vector_lanes *lanes, const int32_t *sums,
                                     void *target) {
    uint32x4_t at = lanes->at;
    uint8_t *to = (uint8_t *)target + run->y * lanes->pitch + (run->filter >> 1);
    if (run->pairs && run->count == 1) { /* the second position is the first */
        at = vandq_u32(vidupq_n_u32(0, 1), vdupq_n_u32(1));
    }
    if (lanes->scaled) {
        const uint32_t first = (uint32_t)(uintptr_t)(layer->requant + run->filter);
        const uint32x4_t table =
            vaddq_n_u32(vshlq_n_u32(lanes->even, 3), first - (run->pairs ? 32 : 64));
        to = akrt_vector_scaled(layer, table, at, sums, run->groups, run->pairs, run->parted, to);
    } else if (layer->emits == AKRT_EMITS_SUMS || layer->activation.form == AKRT_FORM_POTENTIALS) {
        akrt_emit_vector_sums(layer, run, sums, (int32_t *)target);
        return;
    } else {
        to = akrt_emit_vector_form(layer, run, vaddq_n_u32(lanes->even, (uint32_t)run->filter), at,
                                   sums, to);
    }
    if (((uintptr_t)to & 2u) != 0) { /* the rest of a word */
        vstrbq_scatter_offset_u32(to, at, vdupq_n_u32(0));
    }
}
#endif
#endif
