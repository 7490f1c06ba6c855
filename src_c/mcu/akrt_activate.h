#ifndef AKRT_ACTIVATE_H
#define AKRT_ACTIVATE_H
#include "akrt_level_bisect.h"
#include "akrt_level_high.h"
#include "akrt_level_muladd.h"
#include "akrt_mcu_layer.h"
#include "akrt_tick.h"
/* `filters` potentials to outputs from element `at` on: bytes, or int32 without activation. */
#if AKRT_MVE
/* Four filters at a time, the first `there` of them. */
static inline void akrt_activate_four(const akrt_mcu_layer *layer, const int32_t *potentials,
                                      int32_t f, mve_pred16_t there, uint8_t *out) {
    const int32_t *const table = (const int32_t *)(layer->requant + f);
    const int32x4_t even = vshlq_n_s32(vreinterpretq_s32_u32(vidupq_n_u32(0, 1)), 1);
    const uint32x4_t at = vreinterpretq_u32_s32(even);
    const int32x4_t factor = vldrwq_gather_shifted_offset_z_s32(table, at, there);
    const int32x4_t addend = vldrwq_gather_shifted_offset_z_s32(table + 1, at, there);
    int32x4_t p = vldrwq_z_s32(potentials + f, there);
    if (layer->activation.form == AKRT_FORM_HIGH_WORD) {
        p = vmulhq_s32(vshlq_n_s32(p, 11), factor);
    } else {
        p = vmulq_s32(p, factor);
    }
    p = vshlq_r_s32(vaddq_s32(p, addend), -(int32_t)layer->activation.shift);
    p = vminq_s32(vmaxq_s32(p, vdupq_n_s32(0)), vdupq_n_s32(15));
    vstrbq_p_s32((int8_t *)out + f, p, there);
}
#endif

static void akrt_activate(const akrt_mcu_layer *layer, const int32_t *potentials, int32_t at,
                          void *output) {
    const int32_t filters = layer->filters, shift = layer->activation.shift;
    const int32_t bits = layer->activation.bits, top = ((int32_t)1 << bits) - 1;
    const akrt_requant *requant = layer->requant;
    uint8_t *out = (uint8_t *)output + at;
    switch (layer->activation.form) {
    case AKRT_FORM_POTENTIALS:
        for (int32_t f = 0; f < filters; f++) {
            ((int32_t *)output)[at + f] = potentials[f];
            AKRT_TICK_AT(f);
        }
        break;
    case AKRT_FORM_BISECTION:
        for (int32_t f = 0; f < filters; f++) {
            out[f] = (uint8_t)akrt_level_bisect(potentials[f], requant[f], bits);
            AKRT_TICK_AT(f);
        }
        break;
#if AKRT_MVE
    case AKRT_FORM_HIGH_WORD:
    case AKRT_FORM_MULADD:
        for (int32_t f = 0; f < filters; f += 4) {
            akrt_activate_four(layer, potentials, f, vctp32q((uint32_t)(filters - f)), out);
            AKRT_TICK_AT(f);
        }
        break;
#else
    case AKRT_FORM_HIGH_WORD:
        for (int32_t f = 0; f < filters; f++) {
            out[f] = (uint8_t)akrt_level_high(potentials[f], requant[f], shift);
            AKRT_TICK_AT(f);
        }
        break;
    case AKRT_FORM_MULADD:
        for (int32_t f = 0; f < filters; f++) {
            out[f] = (uint8_t)akrt_level_muladd(potentials[f], requant[f], shift);
            AKRT_TICK_AT(f);
        }
        break;
#endif
    default:
        for (int32_t f = 0; f < filters; f++) {
            const int32_t *levels = layer->levels + f * top;
            int32_t n = 0;
            while (n < top && potentials[f] > levels[n]) {
                n++;
            }
            out[f] = (uint8_t)n;
            AKRT_TICK_AT(f);
        }
        break;
    }
    (void)shift;
}
#endif
