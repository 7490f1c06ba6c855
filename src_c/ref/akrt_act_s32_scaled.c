#include "akrt/kernels.h"

/* Constants are copied and counts fixed: compilers make vectors of the loops over them. */
#define SCALED_LANES 16

typedef struct scaled_lanes {
    int32_t start[SCALED_LANES], low[SCALED_LANES], high[SCALED_LANES];
    int32_t mul[SCALED_LANES], add[SCALED_LANES], shift[SCALED_LANES];
} scaled_lanes;

static int32_t scaled_output(int32_t p, const scaled_lanes *k, int32_t c, int32_t least,
                             int32_t most) {
    const int32_t above = p + k->start[c];
    const int32_t low = above > k->low[c] ? above : k->low[c];
    const int32_t v = low < k->high[c] ? low : k->high[c];
    const int32_t y = (v * k->mul[c] + k->add[c]) >> k->shift[c];
    const int32_t bounded = y > least ? y : least;
    return bounded < most ? bounded : most;
}

void AKRT_FN(akrt_act_s32_scaled)(const int32_t *potentials, const akrt_scaled *s,
                                  int32_t positions, int32_t channels, uint8_t *out) {
    const int32_t least = s->least, most = s->most;
    for (int32_t first = 0; first < channels; first += SCALED_LANES) {
        const int32_t left = channels - first;
        const int32_t count = left < SCALED_LANES ? left : SCALED_LANES;
        scaled_lanes k;
        for (int32_t c = 0; c < count; c++) {
            k.start[c] = s->start != NULL ? s->start[first + c] : 0;
            k.low[c] = s->low[first + c];
            k.high[c] = s->high[first + c];
            k.mul[c] = s->mul[first + c];
            k.add[c] = s->add[first + c];
            k.shift[c] = s->shift[first + c];
        }
        for (int32_t p = 0; p < positions; p++) {
            const size_t at = (size_t)p * (size_t)channels + (size_t)first;
            if (count == SCALED_LANES) {
                for (int32_t c = 0; c < SCALED_LANES; c++) {
                    out[at + (size_t)c] =
                        (uint8_t)scaled_output(potentials[at + (size_t)c], &k, c, least, most);
                }
            } else {
                for (int32_t c = 0; c < count; c++) {
                    out[at + (size_t)c] =
                        (uint8_t)scaled_output(potentials[at + (size_t)c], &k, c, least, most);
                }
            }
        }
    }
}

#undef SCALED_LANES
