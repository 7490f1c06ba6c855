/* Outputs of Akida 2.0 of the sums of 8 channels. */
#ifndef AKRT_ARM_SCALED_OUTPUTS_H
#define AKRT_ARM_SCALED_OUTPUTS_H

#include "akrt/kernels.h"

#include <arm_neon.h>
#include <string.h>

typedef struct scaled_constants {
    int32x4_t start[2], low[2], high[2], mul[2], add[2], shift[2];
    int16x8_t least, most;
} scaled_constants;

/* `kept` numbers of `from` and zeros. */
AKRT_INLINE void load_some_words(const int32_t *from, int32_t kept, int32x4_t to[2]) {
    int32_t words[8] = {0};
    memcpy(words, from, (size_t)kept * sizeof *words);
    to[0] = vld1q_s32(words);
    to[1] = vld1q_s32(words + 4);
}

/* Of the channels first .. first + kept. */
AKRT_INLINE void load_scaled(const akrt_scaled *s, size_t first, int32_t kept,
                             scaled_constants *k) {
    k->start[0] = k->start[1] = vdupq_n_s32(0);
    if (s->start != NULL) {
        load_some_words(s->start + first, kept, k->start);
    }
    load_some_words(s->low + first, kept, k->low);
    load_some_words(s->high + first, kept, k->high);
    load_some_words(s->mul + first, kept, k->mul);
    load_some_words(s->add + first, kept, k->add);
    load_some_words(s->shift + first, kept, k->shift);
    k->shift[0] = vnegq_s32(k->shift[0]);
    k->shift[1] = vnegq_s32(k->shift[1]);
    k->least = vdupq_n_s16((int16_t)s->least);
    k->most = vdupq_n_s16((int16_t)s->most);
}

AKRT_INLINE void store_scaled(const int32x4_t sums[2], const scaled_constants *k, uint8_t *out,
                              int32_t kept) {
    int16x4_t narrow[2];
    for (int half = 0; half < 2; half++) {
        const int32x4_t v = vminq_s32(vmaxq_s32(sums[half], k->low[half]), k->high[half]);
        const int32x4_t y = vmlaq_s32(k->add[half], v, k->mul[half]);
        narrow[half] = vqmovn_s32(vshlq_s32(y, k->shift[half]));
    }
    const int16x8_t y = vcombine_s16(narrow[0], narrow[1]);
    const int8x8_t bytes = vmovn_s16(vminq_s16(vmaxq_s16(y, k->least), k->most));
    if (kept == 8) {
        vst1_u8(out, vreinterpret_u8_s8(bytes));
    } else {
        uint8_t some[8];
        vst1_u8(some, vreinterpret_u8_s8(bytes));
        memcpy(out, some, (size_t)kept);
    }
}

#endif
