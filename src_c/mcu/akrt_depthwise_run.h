#ifndef AKRT_DEPTHWISE_RUN_H
#define AKRT_DEPTHWISE_RUN_H
#include "akrt_runs.h"
/* Depthwise results of all channels at a run of positions.
 *
 * A run that overlaps an edge is copied, with zeros for what is beyond. */
#define AKRT_LINE_BYTES(w)                                                                         \
    ((((AKRT_RUN - 1) * (w)->stride_y + (w)->size_y) * (w)->channels + 3) & ~3)

/* What the windows of a run cover: size_x lines that lie `pitch` bytes apart. */
typedef struct akrt_lines {
    const uint8_t *from;
    int32_t pitch;
} akrt_lines;

static akrt_lines akrt_run_lines(const akrt_mcu_window *w, const uint8_t *input, int32_t x,
                                 int32_t y, uint8_t *copy) {
    const int32_t u = x * w->stride_x - w->pad_x, v = y * w->stride_y - w->pad_y;
    const int32_t columns = (AKRT_RUN - 1) * w->stride_y + w->size_y;
    akrt_lines lines = {copy, AKRT_LINE_BYTES(w)};
    if (u >= 0 && u + w->size_x <= w->in_x && v >= 0 && v + columns <= w->in_y) {
        lines.from = input + (u * w->in_y + v) * w->channels;
        lines.pitch = w->in_y * w->channels;
        return lines;
    }
    for (int32_t i = u; i < u + w->size_x; i++) {
        const int32_t first = v < 0 ? -v : 0;
        const int32_t end = v + columns > w->in_y ? w->in_y - v : columns;
        memset(copy, 0, (size_t)lines.pitch);
        if (i >= 0 && i < w->in_x && end > first) {
            memcpy(copy + first * w->channels, input + (i * w->in_y + v + first) * w->channels,
                   (size_t)((end - first) * w->channels));
        }
        copy += lines.pitch;
    }
    return lines;
}

#if AKRT_MVE
/* mid (AKRT_RUN, channels filled up with zeros to a multiple of 16); weights (taps, channels). */
typedef int16_t akrt_mid;
#define AKRT_MID_CHANNELS(channels) (((channels) + 15) & ~15)
static void akrt_depthwise_run(const akrt_mcu_layer *layer, akrt_lines lines, int32_t count,
                               akrt_mid *mid) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t channels = w->channels, padded = AKRT_MID_CHANNELS(channels);
    int32_t done = 0;
    for (int32_t p = 0; p < count; p++) {
        for (int32_t c = 0; c < padded; c += 8) {
            const int32_t left = channels - c;
            const mve_pred16_t there = vctp16q(left > 0 ? (uint32_t)left : 0u);
            const int8_t *weights = (const int8_t *)layer->depthwise + c;
            const uint8_t *from = lines.from + p * w->stride_y * channels + c;
            int16x8_t sum = vdupq_n_s16(0);
            for (int32_t i = 0; i < w->size_x; i++) {
                const uint8_t *a = from;
                for (int32_t j = 0; j < w->size_y; j++) {
                    const int16x8_t one = vreinterpretq_s16_u16(vldrbq_z_u16(a, there));
                    sum = vaddq_s16(sum, vmulq_s16(one, vldrbq_z_s16(weights, there)));
                    a += channels;
                    weights += channels;
                }
                from += lines.pitch;
            }
            vst1q_s16(mid + p * padded + c, sum);
        }
        AKRT_TICK_WORK(done, channels * w->size_x * w->size_y);
    }
}
#else
#if AKRT_DSP
/* (pairs of channels, AKRT_RUN, 2) */
typedef int16_t akrt_mid;
#define AKRT_MID_CHANNELS(channels) (((channels) + 7) & ~7)
#define AKRT_MID_AT(c, p) (((c) >> 1) * 2 * AKRT_RUN + 2 * (p) + ((c)&1))
#else
/* (channels, AKRT_RUN) */
typedef int32_t akrt_mid;
#define AKRT_MID_CHANNELS(channels) (((channels) + 3) & ~3)
#define AKRT_MID_AT(c, p) ((c)*AKRT_RUN + (p))
#endif

#if AKRT_RUN > 4
#define AKRT_RUN_MORE(operation) operation(4) operation(5)
#else
#define AKRT_RUN_MORE(operation)
#endif
#define AKRT_RUN_EACH(operation)                                                                   \
    operation(0) operation(1) operation(2) operation(3) AKRT_RUN_MORE(operation)

#define AKRT_SET_SUM(p) s##p = 0;
#define AKRT_ADD_TAP(p)                                                                            \
    s##p += *a * weight;                                                                           \
    a += step;
#define AKRT_PUT_SUM(p) to[AKRT_MID_AT(0, p)] = (akrt_mid)s##p;
/* Weights are (channels, taps). */
AKRT_IN_ORDER static void akrt_depthwise_run(const akrt_mcu_layer *layer, akrt_lines lines,
                                             int32_t count, akrt_mid *mid) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t channels = w->channels, step = w->stride_y * channels;
    const int8_t *weights = (const int8_t *)layer->depthwise;
    int32_t done = 0;
    (void)count;
    for (int32_t c = 0; c < channels; c++) {
        akrt_mid *const to = mid + AKRT_MID_AT(c, 0);
        const uint8_t *line = lines.from + c;
        int32_t s0, s1, s2, s3;
#if AKRT_RUN > 4
        int32_t s4, s5;
#endif
        AKRT_RUN_EACH(AKRT_SET_SUM)
        for (int32_t i = 0; i < w->size_x; i++) {
            const uint8_t *column = line;
            for (int32_t j = 0; j < w->size_y; j++) {
                const int32_t weight = *weights++;
                const uint8_t *a = column;
                AKRT_RUN_EACH(AKRT_ADD_TAP)
                column += channels;
            }
            line += lines.pitch;
        }
        AKRT_RUN_EACH(AKRT_PUT_SUM)
        AKRT_TICK_WORK(done, w->size_x * w->size_y);
    }
    for (int32_t c = channels; c < AKRT_MID_CHANNELS(channels); c++) {
        akrt_mid *const to = mid + AKRT_MID_AT(c, 0);
        const int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#if AKRT_RUN > 4
        const int32_t s4 = 0, s5 = 0;
#endif
        AKRT_RUN_EACH(AKRT_PUT_SUM)
    }
}
#undef AKRT_SET_SUM
#undef AKRT_ADD_TAP
#undef AKRT_PUT_SUM
#endif
#endif
