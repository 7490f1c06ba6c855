#include "akrt/kernels.h"

void AKRT_FN(akrt_signed_sums_u8)(const uint8_t *low, const int16_t *rest, const uint32_t *spill,
                                  const int32_t *offset, int32_t positions, int32_t depth,
                                  int32_t *positive, int32_t *negative) {
    for (int32_t p = 0; p < positions; p++) {
        for (int32_t c = 0; c < depth; c++) {
            const int32_t v = low[c] + (spill[p] ? rest[c] : 0) - offset[c];
            positive[c] += v > 0 ? v : 0;
            negative[c] += v < 0 ? -v : 0;
        }
        low += depth;
        rest += depth;
    }
}
