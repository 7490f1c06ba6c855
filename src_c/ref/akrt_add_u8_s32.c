#include "akrt/kernels.h"

void AKRT_FN(akrt_add_u8_s32)(const uint8_t *a, const uint8_t *b, int32_t n, int32_t *out) {
    const uint8_t *AKRT_RESTRICT first = a, *AKRT_RESTRICT second = b;
    int32_t *AKRT_RESTRICT sum = out;
    for (int32_t i = 0; i < n; i++) {
        sum[i] = first[i] + second[i];
    }
}
