#ifndef AKRT_LOAD_ROWS_H
#define AKRT_LOAD_ROWS_H
#include "akrt_rows.h"
#include "akrt_zero.h"

#define AKRT_LOADED_WORDS 2 /* a channel of a row */

/* One row of layout "rows" to two words a channel, (y0, y1, y2) and (y3, y4), 10 bits apart.
 * A row that is NULL is the zero border. */
static void akrt_load_rows(const uint8_t *row, int32_t channels, uint32_t *words) {
    if (row == NULL) {
        akrt_zero(words, AKRT_LOADED_WORDS * channels);
        return;
    }
#if AKRT_MVE
    {
        /* a channel's 20 bits begin at bytes 0, 2, 5 and 7 of ten, at bits 0, 4, 0 and 4 */
        static const uint8_t begin[4] = {0, 2, 5, 7};
        static const int8_t right[4] = {0, -4, 0, -4};
        const uint32x4_t at = __arm_vldrbq_u32(begin), nibble = __arm_vdupq_n_u32(15);
        const int32x4_t shift = __arm_vldrbq_s32(right);
        for (const uint32_t *const end = words + AKRT_LOADED_WORDS * channels; words < end;
             words += 8) {
            uint32x4_t bits = __arm_vldrbq_gather_offset_u32(row + 2, at);
            uint32x4x2_t pair;
            bits = __arm_vsliq_n_u32(__arm_vldrbq_gather_offset_u32(row + 1, at), bits, 8);
            bits = __arm_vsliq_n_u32(__arm_vldrbq_gather_offset_u32(row, at), bits, 8);
            bits = __arm_vshlq_u32(bits, shift);
            pair.val[0] =
                __arm_vsliq_n_u32(__arm_vandq_u32(__arm_vshrq_n_u32(bits, 4), nibble),
                                  __arm_vandq_u32(__arm_vshrq_n_u32(bits, 8), nibble), 10);
            pair.val[0] = __arm_vsliq_n_u32(__arm_vandq_u32(bits, nibble), pair.val[0], 10);
            pair.val[1] =
                __arm_vsliq_n_u32(__arm_vandq_u32(__arm_vshrq_n_u32(bits, 12), nibble),
                                  __arm_vandq_u32(__arm_vshrq_n_u32(bits, 16), nibble), 10);
            __arm_vst2q_u32(words, pair);
            row += 10;
        }
    }
#else
    for (const uint32_t *const end = words + AKRT_LOADED_WORDS * channels; words < end;
         words += 4) {
#if AKRT_DSP /* little endian, words anywhere */
        const uint32_t last = row[4];
        uint32_t a;
        memcpy(&a, row, 4);
        words[0] = (a & 15u) | (a >> 4 & 15u) << 10 | (a >> 8 & 15u) << 20;
        words[1] = (a >> 12 & 15u) | (a >> 16 & 15u) << 10;
        words[2] = (a >> 20 & 15u) | (a >> 24 & 15u) << 10 | a >> 28 << 20;
        words[3] = (last & 15u) | last >> 4 << 10;
#else
        const uint32_t a = row[0], b = row[1], c = row[2], d = row[3], e = row[4];
        words[0] = (a & 0xfu) | (a & 0xf0u) << 6 | (b & 0xfu) << 20;
        words[1] = b >> 4 | (c & 0xfu) << 10;
        words[2] = c >> 4 | (d & 0xfu) << 10 | d >> 4 << 20;
        words[3] = (e & 0xfu) | e >> 4 << 10;
#endif
        row += 5;
    }
#endif
}
#endif
