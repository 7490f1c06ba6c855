#include "akrt/kernels.h"

static void scale(const int32_t *restrict p, const akrt_scale *restrict s, int32_t channels,
                  uint8_t *restrict out) {
    const int32_t *restrict threshold = s->threshold, *restrict top = s->top;
    const uint32_t *restrict mul = s->mul, *restrict add = s->add;
    const uint32_t shift = s->shift;
    for (int32_t c = 0; c < channels; c++) {
        const int32_t above = p[c] - threshold[c];
        const int32_t low = above > 0 ? above : 0;
        const int32_t v = low < top[c] ? low : top[c];
        out[c] = (uint8_t)(((uint32_t)v * mul[c] + add[c]) >> shift);
    }
}

void AKRT_FN(akrt_act_s32_scale)(const int32_t *potentials, const akrt_scale *s, int32_t positions,
                                 int32_t channels, uint8_t *out) {
    for (int32_t p = 0; p < positions; p++) {
        scale(potentials, s, channels, out);
        potentials += channels;
        out += channels;
    }
}
