#include "akrt/kernels.h"

void AKRT_FN(akrt_act_s32_levels)(const int32_t *potentials, const int32_t *levels, int32_t count,
                                  int32_t positions, int32_t channels, uint8_t *out) {
    for (int32_t p = 0; p < positions; p++) {
        for (int32_t c = 0; c < channels; c++) {
            int32_t exceeded = 0;
            for (int32_t n = 0; n < count; n++) {
                exceeded += potentials[c] > levels[(size_t)n * (size_t)channels + (size_t)c];
            }
            out[c] = (uint8_t)exceeded;
        }
        potentials += channels;
        out += channels;
    }
}
