#ifndef AKRT_SEPARABLE_SUM_ROWS_H
#define AKRT_SEPARABLE_SUM_ROWS_H
#include "akrt_level_bisect.h"
#include "akrt_mcu_layer.h"
#include "akrt_mid_rows.h"
#include "akrt_pwconv_start.h"
#include "akrt_tick.h"
#include "akrt_triple_start.h"
#if !AKRT_DSP && !AKRT_MVE
#include "akrt_pwconv_rows.h"
#endif
#if AKRT_MVE
#include "akrt_vector_pairs.h"
#endif
#if !AKRT_MVE
#include "akrt_saturate.h"
#endif

#if AKRT_DSP
/* Weights + 8 of a pair of filters by pairs of channels. */
static void akrt_unpack_pair(const uint32_t *weights, int32_t quads, uint32_t *out) {
    for (; quads > 0; quads--) {
        const uint32_t word = *weights++;
        out[0] = (word & 15u) | (word & 0xf0u) << 12;
        out[1] = (word >> 16 & 15u) | (word & 0x00f00000u) >> 4;
        out[AKRT_PAIR_WORDS] = (word >> 8 & 15u) | (word & 0xf000u) << 4;
        out[AKRT_PAIR_WORDS + 1] = (word >> 24 & 15u) | (word & 0xf0000000u) >> 12;
        out += 2 * AKRT_PAIR_WORDS;
    }
}
#endif

#if AKRT_MVE
/* Adds the potentials of `count` pairs of filters at `width` positions, (2, 5, 4), to their sums,
 * (pairs, 2), saturated at every addition. */
static void akrt_vector_sums(const int32_t *potentials, int32_t count, int32_t width,
                             int32_t *sums) {
    int32_t held[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    const int32x4_t low = __arm_vdupq_n_s32(AKRT_POTENTIAL_MIN);
    const int32x4_t high = __arm_vdupq_n_s32(AKRT_POTENTIAL_MAX);
    const size_t bytes = (size_t)count * 2 * sizeof *sums;
    int32x4x2_t both;
    memcpy(held, sums, bytes);
    both = __arm_vld2q_s32(held);
    for (const int32_t *const end = potentials + 4 * width; potentials < end; potentials += 4) {
        const int32x4_t even = __arm_vld1q_s32(potentials);
        const int32x4_t odd = __arm_vld1q_s32(potentials + 4 * AKRT_ROW_WIDTH);
        both.val[0] = __arm_vaddq_s32(both.val[0], even);
        both.val[1] = __arm_vaddq_s32(both.val[1], odd);
        both.val[0] = __arm_vminq_s32(__arm_vmaxq_s32(both.val[0], low), high);
        both.val[1] = __arm_vminq_s32(__arm_vmaxq_s32(both.val[1], low), high);
    }
    __arm_vst2q_s32(held, both);
    memcpy(sums, held, bytes);
}

/* Adds one row's potentials to the sums of all filters. */
AKRT_LAYER static void akrt_vector_row(const akrt_rows_layer *layer, const uint32_t *mid,
                                       const uint32_t *start, int32_t *sums) {
    const uint32_t row = (uint32_t)layer->channels >> 2;
    const uint32_t *weights = layer->weights;
    int32_t done = 0;
    for (int32_t p = 0; p < layer->pairs; p += 4) {
        const int32_t left = layer->pairs - p, count = left < 4 ? left : 4;
        int32_t potentials[8 * AKRT_ROW_WIDTH];
        uint32_t at[4];
        for (uint32_t i = 0; i < 4; i++) { /* lanes beyond the last pair repeat it */
            at[i] = 4 * row * (i < (uint32_t)count ? i : (uint32_t)count - 1);
        }
        akrt_vector_pairs(layer, mid, start, weights, at, potentials);
        akrt_vector_sums(potentials, count, layer->width, sums + 2 * p);
        weights += 4 * row;
        AKRT_TICK_WORK(done, 4 * layer->channels);
    }
}
#endif

/* Sums of all filters, position by position, saturated at every addition.
 * mid: AKRT_SUM_ROWS_EXACT_WORDS. */
#define AKRT_SUM_ROWS_EXACT_WORDS(channels, groups)                                                \
    AKRT_LARGER(AKRT_MID_WORDS(channels) + AKRT_START_WORDS(groups), AKRT_MID_PAIR_WORDS(channels))
static void akrt_sum_rows_exact(const akrt_rows_layer *layer, const uint8_t *input, uint32_t *mid,
                                akrt_ring *ring, int32_t *sums) {
    int32_t done = 0;
    akrt_zero((uint32_t *)sums, 2 * layer->pairs);
    for (int32_t x = 0; x < layer->rows; x++) {
#if !AKRT_MVE
        const uint32_t *weights = layer->weights;
#endif
#if AKRT_DSP
        uint32_t *const end = mid + AKRT_MID_PAIR_WORDS(layer->channels);
        int32_t start[2 * AKRT_ROW_WIDTH];
        akrt_mid_rows(layer, input, x, ring, mid);
        akrt_triple_start(mid, end, start);
        for (int32_t y = 0; y < AKRT_ROW_WIDTH; y++) {
            start[y] = start[AKRT_ROW_WIDTH + y];
        }
#else
        uint32_t *const start = mid + AKRT_MID_WORDS(layer->channels);
        akrt_mid_rows(layer, input, x, ring, mid);
        akrt_pwconv_start(layer, mid, start);
#endif
        AKRT_TICK_WORK(done, 4 * layer->channels);
#if AKRT_MVE
        akrt_vector_row(layer, mid, start, sums);
#else
        for (int32_t f = 0; f < 2 * layer->pairs; f += 2) {
            int32_t sum[2 * AKRT_ROW_WIDTH];
#if AKRT_DSP
            akrt_unpack_pair(weights, layer->channels >> 2, mid);
            akrt_smlad_rows(mid, end, start, sum);
#else
            akrt_pwconv_rows(layer, mid, start, weights, sum, sum + AKRT_ROW_WIDTH);
#endif
            for (int32_t y = 0; y < layer->width; y++) {
                sums[f] = akrt_saturate(sums[f] + sum[y]);
                sums[f + 1] = akrt_saturate(sums[f + 1] + sum[AKRT_ROW_WIDTH + y]);
            }
            weights += layer->channels >> 2;
            AKRT_TICK_WORK(done, layer->channels);
        }
#endif
    }
}

#if AKRT_MVE
/* The four low nibbles of a word, minus 8. */
static int32x4_t akrt_vector_four(uint32_t word) {
    const int32x4_t right = __arm_vmulq_n_s32((int32x4_t)__arm_vidupq_n_u32(0, 4), -1);
    const uint32x4_t nibbles = __arm_vshlq_u32(__arm_vdupq_n_u32(word), right);
    return __arm_vsubq_n_s32((int32x4_t)__arm_vandq_u32(nibbles, __arm_vdupq_n_u32(15)), 8);
}
#endif

/* Sums of all filters from the sums of the depthwise results, or 0 where one of them might have
 * saturated on the way.
 *
 * With P and N the sums of the positive and of the negative parts of a channel's results, no
 * partial sum of a filter leaves [-(P w- + N w+), P w+ + N w-] summed over the channels, w+ and w-
 * being the parts of its weights. In terms of total = P - N and reach = P + N both ends are within
 * 20 bits if (reach |w|) + |total w| is at most twice the largest potential. */
static int akrt_sum_rows_collapsed(const akrt_rows_layer *layer, const int32_t *total,
                                   const int32_t *reach, int32_t *sums) {
    const uint32_t *weights = layer->weights;
    int32_t done = 0;
    for (int32_t p = 0; p < layer->pairs; p++) {
        int32_t even = 0, odd = 0, even_reach = 0, odd_reach = 0;
        for (int32_t c = 0; c < layer->channels; c += 4) {
            uint32_t word = *weights++;
#if AKRT_MVE
            const int32x4_t sum = __arm_vld1q_s32(total + c), size = __arm_vld1q_s32(reach + c);
            const int32x4_t v = akrt_vector_four(word), w = akrt_vector_four(word >> 16);
            even = __arm_vmladavaq_s32(even, sum, v);
            odd = __arm_vmladavaq_s32(odd, sum, w);
            even_reach = __arm_vmladavaq_s32(even_reach, size, __arm_vabsq_s32(v));
            odd_reach = __arm_vmladavaq_s32(odd_reach, size, __arm_vabsq_s32(w));
#else
            for (int32_t i = c; i < c + 4; i++) {
                const int32_t v = (int32_t)(word & 15u) - 8, w = (int32_t)(word >> 16 & 15u) - 8;
                even += total[i] * v;
                odd += total[i] * w;
                even_reach += reach[i] * (v < 0 ? -v : v);
                odd_reach += reach[i] * (w < 0 ? -w : w);
                word >>= 4;
            }
#endif
        }
        sums[2 * p] = even;
        sums[2 * p + 1] = odd;
        AKRT_TICK_WORK(done, layer->channels);
        if (even_reach + (even < 0 ? -even : even) > 2 * AKRT_POTENTIAL_MAX ||
            odd_reach + (odd < 0 ? -odd : odd) > 2 * AKRT_POTENTIAL_MAX) {
            return 0;
        }
    }
    return 1;
}

/* Adds the depthwise results of `channels` channels, and their sizes, to their totals. */
AKRT_LAYER static void akrt_add_mid(const uint32_t *mid, int32_t channels, int32_t width,
                                    int32_t *total, int32_t *reach) {
#if AKRT_DSP
    const uint32_t zero = 0;
    for (const int32_t *const end = total + channels; total < end; total += 2, reach += 2) {
        const uint32_t *value = mid + 2, *const last = value + width;
        uint32_t sum = zero, size = zero; /* of one row: at most 5 * 945 */
        do {
            const uint32_t v = *value++;
            sum = akrt_sadd16(sum, v);
            size = akrt_sadd16(size, akrt_abs16(v, zero));
        } while (value < last);
        total[0] += (int16_t)(sum & 0xffffu);
        total[1] += (int32_t)sum >> 16;
        reach[0] += (int32_t)(size & 0xffffu);
        reach[1] += (int32_t)(size >> 16);
        mid += AKRT_PAIR_WORDS;
    }
#elif AKRT_MVE
    const uint32x4_t places = __arm_vmulq_n_u32(__arm_vidupq_n_u32(0, 4), AKRT_ROW_WIDTH);
    for (const int32_t *const end = total + channels; total < end; total += 4, reach += 4) {
        int32x4_t sum = __arm_vld1q_s32(total), size = __arm_vld1q_s32(reach);
        for (int32_t y = 0; y < width; y++) {
            const int32x4_t v = __arm_vldrwq_gather_offset_s32((const int32_t *)mid + y, places);
            sum = __arm_vaddq_s32(sum, v);
            size = __arm_vaddq_s32(size, __arm_vabsq_s32(v));
        }
        __arm_vst1q_s32(total, sum);
        __arm_vst1q_s32(reach, size);
        mid += 4 * AKRT_ROW_WIDTH;
    }
#else
    for (const int32_t *const end = total + channels; total < end; total++, reach++) {
        int32_t sum = *total, size = *reach;
        for (int32_t y = 0; y < width; y++) {
            const int32_t v = (int32_t)mid[y];
            sum += v;
            size += v < 0 ? -v : v;
        }
        *total = sum;
        *reach = size;
        mid += AKRT_ROW_WIDTH;
    }
#endif
}

#define AKRT_SUM_CHANNELS 16 /* at a time */

/* Adds the depthwise results of the rows from `from`, where the ring is, to before `to` to the
 * totals of their channels, and their sizes to the reaches behind them. mid: of some channels. */
static void akrt_sum_rows_add(const akrt_rows_layer *layer, int32_t from, int32_t to,
                              const uint8_t *input, akrt_ring *ring, uint32_t *mid,
                              int32_t *total) {
    const int32_t channels = layer->channels;
    int32_t done = 0;
    for (int32_t x = from; x < to; x++) {
        akrt_ring_read(layer, input, x, ring);
        for (int32_t c = 0; c < channels; c += AKRT_SUM_CHANNELS) {
            const int32_t left = channels - c;
            const int32_t count = left < AKRT_SUM_CHANNELS ? left : AKRT_SUM_CHANNELS;
            akrt_ring_convolve(ring, c, count, mid);
            akrt_add_mid(mid, count, layer->width, total + c, total + channels + c);
            AKRT_TICK_WORK(done, 4 * AKRT_SUM_CHANNELS);
        }
        akrt_ring_turn(ring);
    }
}

/* Totals and reaches, which follow `sums` in the scratch, to the output. */
static void akrt_sum_rows_end(const akrt_rows_layer *layer, const uint8_t *input, void *output,
                              int32_t *sums) {
    int32_t *const total = sums + 2 * layer->pairs;
    if (!akrt_sum_rows_collapsed(layer, total, total + layer->channels, sums)) {
        uint32_t *const memory = (uint32_t *)total;
        akrt_ring ring;
        akrt_ring_start(layer, input, 0, memory, &ring);
        akrt_sum_rows_exact(layer, input, memory + AKRT_RING_WORDS * (int32_t)layer->channels,
                            &ring, sums);
    }
    for (int32_t f = 0; f < layer->filters; f++) {
        if (layer->activation.form == AKRT_FORM_POTENTIALS) {
            ((int32_t *)output)[f] = sums[f];
        } else if (layer->activation.form == AKRT_FORM_THRESHOLD) {
            ((uint8_t *)output)[f] = sums[f] > ((const int32_t *)layer->requant)[f];
        } else {
            ((uint8_t *)output)[f] = (uint8_t)akrt_level_bisect(
                sums[f], ((const akrt_requant *)layer->requant)[f], layer->activation.bits);
        }
        AKRT_TICK_AT(f);
    }
}

/* A separable layer with global average pooling, rows to bytes, or to int32 without activation.
 * scratch: AKRT_SEPARABLE_SUM_ROWS_SCRATCH_WORDS, the most of any core: the sums, then totals,
 * reaches, ring and some channels' results, or, if the sums have to be exact, ring and results. */
#define AKRT_SEPARABLE_SUM_ROWS_SCRATCH_WORDS(channels, groups, pairs)                             \
    (2 * (int32_t)(pairs) + AKRT_LARGER((2 + AKRT_RING_WORDS) * (int32_t)(channels) +              \
                                            AKRT_LARGER(AKRT_MID_WORDS(AKRT_SUM_CHANNELS),         \
                                                        AKRT_MID_PAIR_WORDS(AKRT_SUM_CHANNELS)),   \
                                        AKRT_RING_WORDS * (int32_t)(channels) +                    \
                                            AKRT_SUM_ROWS_EXACT_WORDS(channels, groups)))
AKRT_LAYER static void akrt_separable_sum_rows(const akrt_rows_layer *layer, const uint8_t *input,
                                               void *output, int32_t *scratch) {
    int32_t *const total = scratch + 2 * layer->pairs;
    uint32_t *const memory = (uint32_t *)total + 2 * layer->channels;
    akrt_ring ring;
    akrt_ring_start(layer, input, 0, memory, &ring);
    akrt_zero((uint32_t *)total, 2 * layer->channels);
    akrt_sum_rows_add(layer, 0, layer->rows, input, &ring,
                      memory + AKRT_RING_WORDS * (int32_t)layer->channels, total);
    akrt_sum_rows_end(layer, input, output, scratch);
}
#endif
