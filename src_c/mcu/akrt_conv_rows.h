#ifndef AKRT_CONV_ROWS_H
#define AKRT_CONV_ROWS_H
#include "akrt_mcu_layer.h"
#include "akrt_conv_taps.h"
#include "akrt_store_rows.h"
#include "akrt_tick.h"
#include "akrt_vector_levels.h"
#include "akrt_vector_taps.h"

/* A plain convolution of bytes, 8-bit weights by pairs of filters, at most five outputs on Y. */
typedef struct akrt_conv_rows_layer {
    akrt_mcu_window conv;
    int32_t border, pairs;
    akrt_activation activation;
    const int8_t *weights; /* (pairs, size_x * size_y * channels, 2) */
    const akrt_requant *requant;
} akrt_conv_rows_layer;

/* Inputs under the kernel at the five positions of output row `x`, as akrt_conv_taps wants them. */
static void akrt_patch_rows(const akrt_conv_rows_layer *layer, const uint8_t *input, int32_t x,
                            int32_t *patch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t from_x = x * w->stride_x - w->pad_x, step = w->stride_y * w->channels;
    int32_t tap = 0;
    for (int32_t i = from_x; i < from_x + w->size_x; i++) {
        for (int32_t j = -w->pad_y; j < w->size_y - w->pad_y; j++) {
            for (int32_t c = 0; c < w->channels; c++) {
                int32_t value[AKRT_ROW_WIDTH], v = j, at = (i * w->in_y + j) * w->channels + c;
                for (int32_t y = 0; y < AKRT_ROW_WIDTH; y++) {
                    const int inside = i >= 0 && i < w->in_x && v >= 0 && v < w->in_y;
                    value[y] = inside ? input[at] : layer->border;
                    v += w->stride_y;
                    at += step;
                }
                akrt_patch_tap(value, tap++, patch);
            }
        }
    }
}

/* Bytes to the rows from `from` to before `to`; both tensors are whole. scratch:
 * AKRT_CONV_ROWS_SCRATCH_WORDS, `taps` being size_x * size_y * channels. */
#define AKRT_CONV_ROWS_SCRATCH_WORDS(taps) AKRT_CONV_PATCH_WORDS(taps)
AKRT_LAYER static void akrt_conv_rows(const akrt_conv_rows_layer *layer, int32_t from, int32_t to,
                                      const uint8_t *input, uint8_t *output, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t taps = w->size_x * w->size_y * w->channels;
    int32_t done = 0;
#if AKRT_MVE
    const uint32_t row = 2 * (uint32_t)taps, at[4] = {0, 1, row, row + 1};
#endif
    output += from * AKRT_ROW_BYTES(2 * layer->pairs);
    for (int32_t x = from; x < to; x++) {
        akrt_patch_rows(layer, input, x, scratch);
        AKRT_TICK_WORK(done, 5 * taps);
#if AKRT_MVE
        for (int32_t p = 0; p < layer->pairs; p += 2) {
            const int32x4x2_t r = __arm_vld2q_s32(&layer->requant[2 * p].factor);
            int32_t sums[4 * AKRT_ROW_WIDTH];
            uint32_t words[4];
            akrt_vector_taps(scratch, layer->weights + 2 * p * taps, taps, at, sums);
            __arm_vst1q_u32(words, akrt_vector_levels(
                                       sums, r.val[0], r.val[1], layer->activation.form,
                                       layer->activation.shift, layer->activation.bits, w->out_y));
            akrt_store_pair(words[0], words[1], output);
            akrt_store_pair(words[2], words[3], output + AKRT_PAIR_BYTES);
            output += 2 * AKRT_PAIR_BYTES;
            AKRT_TICK_WORK(done, 4 * taps);
        }
#elif AKRT_FOUR_FILTERS
        for (int32_t p = 0; p < layer->pairs; p += 2) {
            const akrt_requant *const requant = layer->requant + 2 * p;
            int32_t sums[4 * AKRT_ROW_WIDTH];
            akrt_conv_taps(scratch, layer->weights + 2 * p * taps, taps, sums);
            akrt_store_rows(sums, sums + AKRT_ROW_WIDTH, requant[0], requant[1],
                            layer->activation.form, layer->activation.shift, layer->activation.bits,
                            w->out_y, output);
            akrt_store_rows(sums + 2 * AKRT_ROW_WIDTH, sums + 3 * AKRT_ROW_WIDTH, requant[2],
                            requant[3], layer->activation.form, layer->activation.shift,
                            layer->activation.bits, w->out_y, output + AKRT_PAIR_BYTES);
            output += 2 * AKRT_PAIR_BYTES;
            AKRT_TICK_WORK(done, 4 * taps);
        }
#else
        for (int32_t p = 0; p < layer->pairs; p++) {
            int32_t sums[2 * AKRT_ROW_WIDTH];
            akrt_conv_taps(scratch, layer->weights + 2 * p * taps, taps, sums);
            akrt_store_rows(sums, sums + AKRT_ROW_WIDTH, layer->requant[2 * p],
                            layer->requant[2 * p + 1], layer->activation.form,
                            layer->activation.shift, layer->activation.bits, w->out_y, output);
            output += AKRT_PAIR_BYTES;
            AKRT_TICK_WORK(done, 2 * taps);
        }
#endif
    }
}
#endif
