#include "akrt/kernels.h"

/* What is left of v, and half of the count so far, after asking for `half` more steps. */
#define ASK(half)                                                                                  \
    do {                                                                                           \
        const int32_t more = -(v > ((half)-1) * d);                                                \
        v -= more & ((half)*d);                                                                    \
        n += more & (half);                                                                        \
    } while (0)

static void bisect1(const int32_t *AKRT_RESTRICT p, const int32_t *AKRT_RESTRICT threshold,
                    int32_t channels, uint8_t *AKRT_RESTRICT out) {
    for (int32_t c = 0; c < channels; c++) {
        out[c] = p[c] > threshold[c];
    }
}

static void bisect2(const int32_t *AKRT_RESTRICT p, const int32_t *AKRT_RESTRICT threshold,
                    const int32_t *AKRT_RESTRICT step, int32_t channels,
                    uint8_t *AKRT_RESTRICT out) {
    for (int32_t c = 0; c < channels; c++) {
        const int32_t d = step[c];
        int32_t v = (p[c] - threshold[c]) * 16;
        int32_t n = 0;
        ASK(2);
        ASK(1);
        out[c] = (uint8_t)n;
    }
}

static void bisect4(const int32_t *AKRT_RESTRICT p, const int32_t *AKRT_RESTRICT threshold,
                    const int32_t *AKRT_RESTRICT step, int32_t channels,
                    uint8_t *AKRT_RESTRICT out) {
    for (int32_t c = 0; c < channels; c++) {
        const int32_t d = step[c];
        int32_t v = (p[c] - threshold[c]) * 16;
        int32_t n = 0;
        ASK(8);
        ASK(4);
        ASK(2);
        ASK(1);
        out[c] = (uint8_t)n;
    }
}

void AKRT_FN(akrt_act_s32_bisect)(const int32_t *potentials, const int32_t *threshold,
                                  const int32_t *step, int32_t bits, int32_t positions,
                                  int32_t channels, uint8_t *out) {
    for (int32_t p = 0; p < positions; p++) {
        if (bits == 4) {
            bisect4(potentials, threshold, step, channels, out);
        } else if (bits == 2) {
            bisect2(potentials, threshold, step, channels, out);
        } else {
            bisect1(potentials, threshold, channels, out);
        }
        potentials += channels;
        out += channels;
    }
}
