#ifndef AKRT_DEPTHWISE_LINES_MVE_H
#define AKRT_DEPTHWISE_LINES_MVE_H
#include "akrt_lines.h"
#if AKRT_MVE
/* Depthwise results as 16 * high + low, signed bytes.
 *
 * A vector takes four words of eight channels, of one position; of layers of two words two
 * positions at once, of layers of one word four. Weights are (vectors, taps, 32): the even channels
 * of the words, then the odd ones; zero where the last vector takes words again. */
#define AKRT_MID_VECTORS(words) (((words) + 3) >> 2)
#define AKRT_MID_POSITIONS(words) ((words) == 1 ? 4 : (words) == 2 ? 2 : 1)
/* Of two positions, as akrt_vector_halves wants them; of layers of one word of four, as
 * akrt_vector_bytes wants them; and what is overwritten by positions that are not there. */
#define AKRT_MID_BYTES(words)                                                                      \
    ((words) == 1 ? 112 : (words) == 2 ? 96 : 128 * AKRT_MID_VECTORS(words))
/* Results of so many taps fit. Others are 2^11 * upper + lower, which are made one by one. */
#define AKRT_MID_TAPS 19
#define AKRT_MID_UPPER_BITS 11

/* Where the words of a vector lie, in bytes from the first: of one position, and of several. */
typedef struct akrt_mid_words {
    uint32_t one[4], several[4];
} akrt_mid_words;

static void akrt_mid_words_of(const akrt_mcu_window *w, uint32_t words, akrt_mid_words *at) {
    const uint32_t step = 4 * words * (uint32_t)w->stride_y;
    for (uint32_t lane = 0; lane < 4; lane++) {
        const uint32_t word = words == 2 ? lane & 1 : lane < words ? lane : words - 1;
        at->one[lane] = 4 * word;
        at->several[lane] = words == 1 ? lane * step : 4 * word + (lane >> 1) * step;
    }
}

/* Channels 0, 4, .. of 32 in bytes, then 2, 6, ..; 1, 5, ..; 3, 7, .. */
typedef struct akrt_mid_sums {
    int16x8_t s0, s1, s2, s3;
} akrt_mid_sums;

#define AKRT_DEPTHWISE_HALF(inputs, even, odd)                                                     \
    "vldrb.u8 q6, [%[w]], #16\n\t"                                                                 \
    "vmullb.s8 q7, " inputs ", q6\n\t"                                                             \
    "vmullt.s8 q6, " inputs ", q6\n\t"                                                             \
    "vadd.i16 %q[" even "], %q[" even "], q7\n\t"                                                  \
    "vadd.i16 %q[" odd "], %q[" odd "], q6\n\t"
/* The windows' taps on Y from `from` to `end`; a: of the first line, in bytes from its begin. */
static inline akrt_mid_sums akrt_depthwise_vector(const akrt_mcu_window *w,
                                                  const void *const *lines, int32_t at,
                                                  const uint32_t *lanes, int32_t from, int32_t end,
                                                  const int8_t *weights) {
    const int32_t pitch = 4 * AKRT_LINE_WORDS(w->channels), n = end - from;
    int16x8_t s0 = vdupq_n_s16(0), s1 = s0, s2 = s0, s3 = s0;
    akrt_mid_sums sums;
    weights += 32 * from;
    at += from * pitch;
    for (int32_t i = 0; i < w->size_x; i++) {
        const uint8_t *a = (const uint8_t *)lines[i] + at;
        const int8_t *of = weights;
        weights += 32 * w->size_y;
        if (lines[i] == NULL) {
            continue;
        }
        if (lanes == NULL) {
            __asm__ volatile("dls lr, %[n]\n\t"
                             "1:\n\t"
                             "vldrb.u8 q4, [%[a]]\n\t"
                             "vshr.u8 q5, q4, #4\n\t"
                             "vshl.i8 q4, q4, #4\n\t"
                             "vshr.u8 q4, q4, #4\n\t" /* the low nibbles */
                             AKRT_DEPTHWISE_HALF("q4", "s0", "s1")
                                 AKRT_DEPTHWISE_HALF("q5", "s2", "s3") "add %[a], %[pitch]\n\t"
                                                                       "le lr, 1b"
                             : [a] "+r"(a), [w] "+r"(of), [s0] "+w"(s0), [s1] "+w"(s1),
                               [s2] "+w"(s2), [s3] "+w"(s3)
                             : [n] "r"(n), [pitch] "r"(pitch)
                             : "lr", "q4", "q5", "q6", "q7", "cc", "memory");
        } else {
            const uint32x4_t where = vld1q_u32(lanes);
            __asm__ volatile("dls lr, %[n]\n\t"
                             "1:\n\t"
                             "vldrw.u32 q5, [%[a], %q[where]]\n\t"
                             "vshl.i8 q5, q5, #4\n\t"
                             "vshr.u8 q5, q5, #4\n\t" AKRT_DEPTHWISE_HALF("q5", "s0", "s1")
                                 "vldrw.u32 q5, [%[a], %q[where]]\n\t"
                                 "vshr.u8 q5, q5, #4\n\t" AKRT_DEPTHWISE_HALF("q5", "s2", "s3")
                                     "add %[a], %[pitch]\n\t"
                                     "le lr, 1b"
                             : [a] "+r"(a), [w] "+r"(of), [s0] "+w"(s0), [s1] "+w"(s1),
                               [s2] "+w"(s2), [s3] "+w"(s3)
                             : [n] "r"(n), [pitch] "r"(pitch), [where] "w"(where)
                             : "lr", "q5", "q6", "q7", "cc", "memory");
        }
    }
    sums.s0 = s0;
    sums.s1 = s1;
    sums.s2 = s2;
    sums.s3 = s3;
    return sums;
}
#undef AKRT_DEPTHWISE_HALF

/* The high parts of 16 results. */
static inline int8x16_t akrt_mid_high(int16x8_t even, int16x8_t odd) {
    return vrshrntq_n_s16(vrshrnbq_n_s16(vdupq_n_s8(0), even, 4), odd, 4);
}

static inline int8x16_t akrt_mid_low(int16x8_t even, int16x8_t odd) {
    return vshrq_n_s8(vshlq_n_s8(vmovntq_s16(vreinterpretq_s8_s16(even), odd), 4), 4);
}

static inline void akrt_mid_store(const akrt_mid_sums *sums, int32_t words, int8_t *to) {
    const int8x16_t even = akrt_mid_high(sums->s0, sums->s1);
    const int8x16_t even_low = akrt_mid_low(sums->s0, sums->s1);
    const int8x16_t odd = akrt_mid_high(sums->s2, sums->s3);
    const int8x16_t odd_low = akrt_mid_low(sums->s2, sums->s3);
    if (words > 2) {
        vst1q_s8(to, even);
        vst1q_s8(to + 16, even_low);
        vst1q_s8(to + 64, odd);
        vst1q_s8(to + 80, odd_low);
    } else if (words == 2) { /* positions 32 bytes apart */
        const uint32x4_t second = vsetq_lane_u32(32, vdupq_n_u32(0), 2);
        const uint64x2_t apart = vreinterpretq_u64_u32(second);
        int64_t *const base = (int64_t *)(void *)to;
        vstrdq_scatter_offset_s64(base, apart, vreinterpretq_s64_s8(even));
        vstrdq_scatter_offset_s64(base + 1, apart, vreinterpretq_s64_s8(odd));
        vstrdq_scatter_offset_s64(base + 2, apart, vreinterpretq_s64_s8(even_low));
        vstrdq_scatter_offset_s64(base + 3, apart, vreinterpretq_s64_s8(odd_low));
    } else {
        int32x4x4_t all;
        all.val[0] = vreinterpretq_s32_s8(even);
        all.val[1] = vreinterpretq_s32_s8(odd);
        all.val[2] = vreinterpretq_s32_s8(even_low);
        all.val[3] = vreinterpretq_s32_s8(odd_low);
        vst4q_s32((int32_t *)(void *)to, all);
    }
}

/* Upper or lower parts of results of many taps. Returns whether any upper part is not zero. */
static int32_t akrt_mid_part(akrt_mid_sums *sums, int32_t upper) {
    int16x8_t *const all[4] = {&sums->s0, &sums->s1, &sums->s2, &sums->s3};
    uint32_t any = 0;
    for (int32_t i = 0; i < 4; i++) {
        const int16x8_t high = vrshrq_n_s16(*all[i], AKRT_MID_UPPER_BITS);
        any |= vcmpneq_n_s16(high, 0);
        *all[i] = upper ? high : vsubq_s16(*all[i], vshlq_n_s16(high, AKRT_MID_UPPER_BITS));
    }
    return any != 0;
}

/* `count` positions from y on. upper: the upper parts, else the lower ones. Returns whether there
 * are upper parts. */
static int32_t akrt_depthwise_run(const akrt_mcu_layer *layer, const void *const *lines,
                                  const akrt_mid_words *at, int32_t y, int32_t count, int32_t upper,
                                  int8_t *mid) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t words = AKRT_LINE_WORDS(w->channels), taps = w->size_x * w->size_y;
    const int32_t several = AKRT_MID_POSITIONS(words), vectors = AKRT_MID_VECTORS(words);
    int32_t any = 0, n;
    for (int32_t p = 0; p < count; p += n) {
        const int32_t v = (y + p) * w->stride_y - w->pad_y;
        const int32_t from = v < 0 ? -v : 0;
        const int32_t end = w->in_y - v < w->size_y ? w->in_y - v : w->size_y;
        const int8_t *weights = (const int8_t *)layer->depthwise;
        const uint32_t *lanes = words < 4 ? at->one : NULL;
        int8_t *to = mid + (words == 1 ? 16 : 32) * p;
        n = 1;
        if (several > 1 && count - p >= several && v >= 0 &&
            v + (several - 1) * w->stride_y + w->size_y <= w->in_y) {
            n = several;
            lanes = at->several;
        }
        for (int32_t vector = 0; vector < vectors; vector++) {
            const int32_t last = words - 4, word = 4 * vector < last ? 4 * vector : last;
            akrt_mid_sums sums = akrt_depthwise_vector(
                w, lines, 4 * (v * words + (word < 0 ? 0 : word)), lanes, from, end, weights);
            if (taps > AKRT_MID_TAPS) {
                any |= akrt_mid_part(&sums, upper);
            }
            akrt_mid_store(&sums, words, to);
            weights += 32 * taps;
            to += 128;
        }
    }
    return any;
}
#endif
#endif
