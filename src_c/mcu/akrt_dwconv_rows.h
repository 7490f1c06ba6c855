#ifndef AKRT_DWCONV_ROWS_H
#define AKRT_DWCONV_ROWS_H
#include "akrt_rows.h"

/* Weight i of a word of eight, signed. */
#define AKRT_TAP(taps, i) ((int32_t)((taps) << (28 - 4 * (i))) >> 28)

/* Depthwise 3x3 of one row: three rows of words (akrt_load_rows) to (channels, 5) results.
 *
 * Several positions share a multiplication: with activations of 4 bits and nine weights of -7..7
 * a result, and every part of it, spans at most 945, so that, moved by its minimum, it fits a field
 * of 10 bits. */
#if AKRT_LONG_MLA
/* Nine products in one multiplication: positions x0 + x1 z + x2 z^2 times taps w2 + w1 z + w0 z^2
 * with z = 2^12. The sums at z^1, z^2 are results 0 and 1; those at z^3, z^4 become 2 and 3 with
 * the first two of the next three positions. */
#define AKRT_TAPS(words, w0, w1, w2)                                                               \
    do {                                                                                           \
        const int32_t taps3 = (w2) + (w1)*4096 + (w0)*16777216;                                    \
        a += (int64_t)(int32_t)(words)[0] * taps3;                                                 \
        b += (int64_t)(int32_t)(words)[1] * taps3;                                                 \
    } while (0)

AKRT_IN_ORDER static void akrt_dwconv_rows(const akrt_rows_layer *layer, const uint32_t *above,
                                           const uint32_t *here, const uint32_t *below,
                                           int32_t *out) {
    for (int32_t c = 0; c < layer->channels; c++) {
        const uint32_t taps = layer->taps[c];
        const int32_t rest = layer->rest[c];
        const int32_t low = (rest >> 4) * 4;
        /* `low` in all five fields */
        uint32_t a0 = (uint32_t)low * 4097u + ((uint32_t)low << 24), b0;
        uint32_t a1 = ((uint32_t)low >> 8) + (uint32_t)low * 65552u, b1;
        int64_t a = (int64_t)((uint64_t)a1 << 32 | a0), b = a;
        AKRT_TAPS(above, AKRT_TAP(taps, 0), AKRT_TAP(taps, 1), AKRT_TAP(taps, 2));
        AKRT_TAPS(here, AKRT_TAP(taps, 3), AKRT_TAP(taps, 4), AKRT_TAP(taps, 5));
        AKRT_TAPS(below, AKRT_TAP(taps, 6), AKRT_TAP(taps, 7),
                  (int32_t)((uint32_t)rest << 28) >> 28);
        a0 = (uint32_t)a;
        a1 = (uint32_t)((uint64_t)a >> 32);
        b0 = (uint32_t)b;
        b1 = (uint32_t)((uint64_t)b >> 32);
        out[0] = (int32_t)(a0 >> 12 & 4095u) - low;
        out[1] = (int32_t)(a0 >> 24 | (a1 & 15u) << 8) - low;
        out[2] = (int32_t)((a1 >> 4 & 4095u) + (b0 & 4095u)) - 2 * low;
        out[3] = (int32_t)((a1 >> 16 & 4095u) + (b0 >> 12 & 4095u)) - 2 * low;
        out[4] = (int32_t)(b0 >> 24 | (b1 & 15u) << 8) - low;
        above += 2;
        here += 2;
        below += 2;
        out += AKRT_ROW_WIDTH;
    }
}
#else
/* Three taps of one kernel row on five positions: `a` gathers positions 0..2, `b` positions 3, 4.
 * Fields hold 10 bits; what the shifts leave above bit 29 stays above it. */
#define AKRT_TAPS(words, w0, w1, w2)                                                               \
    do {                                                                                           \
        const uint32_t s = (words)[0], t = (words)[1];                                             \
        a += s * (uint32_t)(w0) + (s >> 10 | t << 20) * (uint32_t)(w1) +                           \
             (s >> 20 | t << 10) * (uint32_t)(w2);                                                 \
        b += t * (uint32_t)(w0) + (t >> 10) * (uint32_t)(w1) + (t >> 20) * (uint32_t)(w2);         \
    } while (0)

AKRT_IN_ORDER static void akrt_dwconv_rows(const akrt_rows_layer *layer, const uint32_t *above,
                                           const uint32_t *here, const uint32_t *below,
                                           int32_t *out) {
    for (int32_t c = 0; c < layer->channels; c++) {
        const uint32_t taps = layer->taps[c];
        const int32_t rest = layer->rest[c];
        const int32_t low = (rest >> 4) * 4;
        uint32_t a = (uint32_t)low * 0x00100401u, b = a;
        AKRT_TAPS(above, AKRT_TAP(taps, 0), AKRT_TAP(taps, 1), AKRT_TAP(taps, 2));
        AKRT_TAPS(here, AKRT_TAP(taps, 3), AKRT_TAP(taps, 4), AKRT_TAP(taps, 5));
        AKRT_TAPS(below, AKRT_TAP(taps, 6), AKRT_TAP(taps, 7), (rest & 15) - (rest & 8) * 2);
        out[0] = (int32_t)(a & 1023u) - low;
        out[1] = (int32_t)(a >> 10 & 1023u) - low;
        out[2] = (int32_t)(a >> 20 & 1023u) - low;
        out[3] = (int32_t)(b & 1023u) - low;
        out[4] = (int32_t)(b >> 10 & 1023u) - low;
        above += 2;
        here += 2;
        below += 2;
        out += AKRT_ROW_WIDTH;
    }
}
#endif
#endif
