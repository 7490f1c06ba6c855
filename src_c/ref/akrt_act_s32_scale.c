#include "akrt/kernels.h"

static void scale(const int32_t *AKRT_RESTRICT p, const akrt_scale *AKRT_RESTRICT s,
                  int32_t channels, uint8_t *AKRT_RESTRICT out) {
    const int32_t *AKRT_RESTRICT threshold = s->threshold, *AKRT_RESTRICT top = s->top;
    const uint32_t *AKRT_RESTRICT mul = s->mul, *AKRT_RESTRICT add = s->add;
    const uint32_t shift = s->shift;
    for (int32_t c = 0; c < channels; c++) {
        const int32_t above = p[c] - threshold[c];
        const int32_t low = above > 0 ? above : 0;
        const int32_t v = low < top[c] ? low : top[c];
        out[c] = (uint8_t)(((uint32_t)v * mul[c] + add[c]) >> shift);
    }
}

static void scale_fine(const int32_t *AKRT_RESTRICT p, const akrt_scale *AKRT_RESTRICT s,
                       int32_t channels, uint8_t *AKRT_RESTRICT out) {
    const int32_t *AKRT_RESTRICT threshold = s->threshold, *AKRT_RESTRICT top = s->top;
    const uint32_t *AKRT_RESTRICT mul = s->mul, *AKRT_RESTRICT add = s->add,
                                  *AKRT_RESTRICT fine = s->fine;
    const uint32_t shift = s->shift;
    for (int32_t c = 0; c < channels; c++) {
        const int32_t above = p[c] - threshold[c];
        const int32_t low = above > 0 ? above : 0;
        const uint32_t v = (uint32_t)(low < top[c] ? low : top[c]);
        const uint32_t more = (v * fine[c]) >> AKRT_FINE_SHIFT;
        out[c] = (uint8_t)((v * mul[c] + more + add[c]) >> shift);
    }
}

void AKRT_FN(akrt_act_s32_scale)(const int32_t *potentials, const akrt_scale *s, int32_t positions,
                                 int32_t channels, uint8_t *out) {
    for (int32_t p = 0; p < positions; p++) {
        if (s->fine != NULL) {
            scale_fine(potentials, s, channels, out);
        } else {
            scale(potentials, s, channels, out);
        }
        potentials += channels;
        out += channels;
    }
}
