#include "akrt/kernels.h"

void AKRT_FN(akrt_sumpool_s32)(const int32_t *potentials, int32_t positions, int32_t channels,
                               int32_t *sum) {
    for (int32_t p = 0; p < positions; p++) {
        for (int32_t c = 0; c < channels; c++) {
            const int32_t next = sum[c] + potentials[c];
            const int32_t low = next < AKRT_POTENTIAL_MIN ? AKRT_POTENTIAL_MIN : next;
            sum[c] = low > AKRT_POTENTIAL_MAX ? AKRT_POTENTIAL_MAX : low;
        }
        potentials += channels;
    }
}
