#include "akrt/kernels.h"

void AKRT_FN(akrt_saturate_s32)(int32_t *potentials, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        const int32_t p = potentials[i];
        const int32_t low = p < AKRT_POTENTIAL_MIN ? AKRT_POTENTIAL_MIN : p;
        potentials[i] = low > AKRT_POTENTIAL_MAX ? AKRT_POTENTIAL_MAX : low;
    }
}
