#ifndef AKRT_SEPARABLE_ROWS_MVE_H
#define AKRT_SEPARABLE_ROWS_MVE_H
#include "akrt_mid_rows.h"
#include "akrt_pwconv_start.h"
#include "akrt_store_pair.h"
#include "akrt_tick.h"
#include "akrt_vector_levels.h"
#include "akrt_vector_pairs.h"
#if AKRT_MVE
/* Factors and addends of the first and of the second filters of the four pairs from `f` on. */
static int32x4x4_t akrt_vector_requant(const akrt_rows_layer *layer, int32_t f) {
    const uint32x4_t at = __arm_vidupq_n_u32(0, 8);
    const akrt_requant16 *const narrow = (const akrt_requant16 *)layer->requant + f;
    int32x4x4_t r;
    if (!AKRT_LIKELY(layer->activation.form == AKRT_FORM_MULADD16)) {
        return __arm_vld4q_s32(&((const akrt_requant *)layer->requant + f)->factor);
    }
    r.val[0] = (int32x4_t)__arm_vldrhq_gather_offset_u32(&narrow[0].factor, at);
    r.val[1] = __arm_vldrhq_gather_offset_s32(&narrow[0].addend, at);
    r.val[2] = (int32x4_t)__arm_vldrhq_gather_offset_u32(&narrow[1].factor, at);
    r.val[3] = __arm_vldrhq_gather_offset_s32(&narrow[1].addend, at);
    r.val[1] = __arm_vmulq_n_s32(r.val[1], layer->addend_unit);
    r.val[3] = __arm_vmulq_n_s32(r.val[3], layer->addend_unit);
    return r;
}

/* akrt_separable_rows, eight filters at a time. */
AKRT_LAYER static void akrt_separable_rows_mve(const akrt_rows_layer *layer, int32_t from,
                                               int32_t to, const uint8_t *input, uint8_t *output,
                                               int32_t *scratch) {
    const uint32_t row = (uint32_t)layer->channels >> 2;
    uint32_t *const mid = (uint32_t *)scratch;
    uint32_t *const memory = mid + AKRT_MID_WORDS(layer->channels);
    uint32_t *const start = memory + AKRT_RING_WORDS * (int32_t)layer->channels;
    int32_t done = 0;
    akrt_ring ring;
    akrt_ring_start(layer, input, from, memory, &ring);
    output += from * AKRT_ROW_BYTES(2 * layer->pairs);
    for (int32_t x = from; x < to; x++) {
        const uint32_t *weights = layer->weights;
        akrt_mid_rows(layer, input, x, &ring, mid);
        akrt_pwconv_start(layer, mid, start);
        AKRT_TICK_WORK(done, 4 * layer->channels);
        for (int32_t left = layer->pairs, f = 0; left > 0; left -= 4) {
            const int32_t count = left < 4 ? left : 4;
            const int32x4x4_t r = akrt_vector_requant(layer, f);
            int32_t potentials[8 * AKRT_ROW_WIDTH];
            uint32_t at[4], low[4], high[4];
            for (uint32_t i = 0; i < 4; i++) { /* lanes beyond the last pair repeat it */
                at[i] = 4 * row * (i < (uint32_t)count ? i : (uint32_t)count - 1);
            }
            akrt_vector_pairs(layer, mid, start, weights, at, potentials);
            __arm_vst1q_u32(low, akrt_vector_levels(potentials, r.val[0], r.val[1],
                                                    layer->activation.form, layer->activation.shift,
                                                    layer->activation.bits, layer->width));
            __arm_vst1q_u32(high,
                            akrt_vector_levels(potentials + 4 * AKRT_ROW_WIDTH, r.val[2], r.val[3],
                                               layer->activation.form, layer->activation.shift,
                                               layer->activation.bits, layer->width));
            for (int32_t i = 0; i < count; i++) {
                akrt_store_pair(low[i], high[i], output);
                output += AKRT_PAIR_BYTES;
            }
            weights += 4 * row;
            f += 8;
            AKRT_TICK_WORK(done, 4 * layer->channels);
        }
    }
}
#endif
#endif
