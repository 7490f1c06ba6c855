#include "akrt/kernels.h"

static void add_clipped(const int32_t *AKRT_RESTRICT p, const int32_t *AKRT_RESTRICT start,
                        const int32_t *AKRT_RESTRICT low, const int32_t *AKRT_RESTRICT high,
                        int32_t channels, int32_t *AKRT_RESTRICT sum) {
    for (int32_t c = 0; c < channels; c++) {
        const int32_t v = start != NULL ? p[c] + start[c] : p[c];
        const int32_t above = v > low[c] ? v : low[c];
        sum[c] += above < high[c] ? above : high[c];
    }
}

void AKRT_FN(akrt_clipsum_s32)(const int32_t *potentials, const int32_t *start, const int32_t *low,
                               const int32_t *high, int32_t positions, int32_t channels,
                               int32_t *sum) {
    for (int32_t p = 0; p < positions; p++) {
        add_clipped(potentials, start, low, high, channels, sum);
        potentials += channels;
    }
}
