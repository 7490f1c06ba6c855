#ifndef AKRT_AKIDA2_DWLINES_H
#define AKRT_AKIDA2_DWLINES_H
#include "akrt_akida2_dots.h"
#include "akrt_akida2_emit_sums.h"
/* A depthwise convolution of Akida 2.0 without pooling, of bytes that are not shifted; weights:
 * (size_x, size_y, channels). Where its lines are as long as those of its input, which has as many,
 * and it moves by one, it may write over its input: lines that are needed yet are copied first.
 * scratch: AKRT_AKIDA2_DWLINES_SCRATCH_WORDS, `kept` being one line more than are before the first,
 * or none, and `line` bytes of a line of the input. */
#define AKRT_AKIDA2_DWLINES_SCRATCH_WORDS(channels, kept, line)                                    \
    ((int32_t)(channels) + (int32_t)(kept) * (((int32_t)(line) + 3) / 4))
#define AKRT_AKIDA2_DWLINES_SIZE 16 /* of a kernel, at the most */

/* Sums of all channels at column y of the lines of a window, NULL beyond the edges. */
static void akrt_akida2_dwsums(const akrt_akida2_layer *layer, const uint8_t *const *lines,
                               int32_t y, int32_t *sums) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t channels = w->channels, from = y * w->stride_y - w->pad_y;
    const int32_t first = from < 0 ? -from : 0;
    const int32_t last = from + w->size_y > w->in_y ? w->in_y - from : w->size_y;
    for (int32_t c = 0; c < channels; c += 4) {
        const int32_t some = channels - c < 4 ? channels - c : 4;
#if AKRT_MVE
        const mve_pred16_t lanes = vctp32q((uint32_t)some);
        int32x4_t sum = vdupq_n_s32(0);
#else
        int32_t sum[4] = {0, 0, 0, 0};
#endif
        for (int32_t i = 0; i < w->size_x; i++) {
            const int8_t *at, *weights, *end;
            if (lines[i] == NULL || first >= last) {
                continue;
            }
            at = (const int8_t *)lines[i] + (from + first) * channels + c;
            weights = layer->weights + (i * w->size_y + first) * channels + c;
            end = weights + (last - first) * channels;
#if AKRT_MVE
            for (; weights < end; weights += channels, at += channels) {
                sum = vaddq_s32(sum,
                                vmulq_s32(vldrbq_z_s32(at, lanes), vldrbq_z_s32(weights, lanes)));
            }
#else
#if AKRT_DSP
            for (; some == 4 && weights < end; weights += channels, at += channels) {
                const uint32_t value = akrt_akida2_word(at), weight = akrt_akida2_word(weights);
                const uint32_t even = akrt_akida2_even(value), odd = akrt_akida2_odd(value);
                const uint32_t by_even = akrt_akida2_even(weight);
                const uint32_t by_odd = akrt_akida2_odd(weight);
                __asm__("smlabb %0, %1, %2, %0" : "+r"(sum[0]) : "r"(even), "r"(by_even));
                __asm__("smlatt %0, %1, %2, %0" : "+r"(sum[2]) : "r"(even), "r"(by_even));
                __asm__("smlabb %0, %1, %2, %0" : "+r"(sum[1]) : "r"(odd), "r"(by_odd));
                __asm__("smlatt %0, %1, %2, %0" : "+r"(sum[3]) : "r"(odd), "r"(by_odd));
            }
#endif
            for (; weights < end; weights += channels, at += channels) {
                for (int32_t k = 0; k < some; k++) {
                    sum[k] += at[k] * weights[k];
                }
            }
#endif
        }
#if AKRT_MVE
        vstrwq_p_s32(sums + c, sum, lanes);
#else
        memcpy(sums + c, sum, (size_t)some * sizeof *sums);
#endif
        AKRT_TICK_AT(c / 4);
    }
}

static void akrt_akida2_dwlines(const akrt_akida2_layer *layer, const uint8_t *input, void *output,
                                int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t line = w->in_y * w->channels, before = w->pad_x;
    const int32_t words = (line + 3) / 4;
    const int in_place = input == (const uint8_t *)output;
    int32_t *const kept = scratch + w->channels; /* line i in place i % (before + 1) */
    const uint8_t *lines[AKRT_AKIDA2_DWLINES_SIZE];
    int32_t at = 0;
    for (int32_t x = 0; x < w->out_x; x++) {
        const int32_t from = x * w->stride_x - w->pad_x;
        if (in_place) {
            memcpy(kept + x % (before + 1) * words, input + x * line, (size_t)line);
        }
        for (int32_t i = 0; i < w->size_x; i++) {
            const int32_t read = from + i;
            lines[i] = NULL;
            if (read >= 0 && read < w->in_x) {
                lines[i] = in_place && read <= x
                               ? (const uint8_t *)(kept + read % (before + 1) * words)
                               : input + read * line;
            }
        }
        for (int32_t y = 0; y < w->out_y; y++) {
            akrt_akida2_dwsums(layer, lines, y, scratch);
            akrt_akida2_emit_sums(layer, scratch, output, at);
            at += w->channels;
            AKRT_TICK();
        }
    }
}
#endif
