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
        at->several[lane] = words == 1 ? lane * step : 4 * word;
        if (words == 2) {
            at->several[lane] += (lane >> 1) * step;
        }
    }
}

/* What the vectors of a position have in common: bytes from one position of a line to the next and
 * from one line's weights to the next one's, taps on Y, and lines. */
typedef struct akrt_mid_taps {
    int32_t pitch, step, count, lines;
} akrt_mid_taps;

/* Sums of 32 channels in q0 to q3: channels 0, 4, ... by bytes, 2, 6, ..; 1, 5, ..; 3, 7, .. */
#define AKRT_DEPTHWISE_HALF(inputs, even, odd)                                                     \
    "vldrb.u8 q6, [%[of]], #16\n\t"                                                                \
    "vmullb.s8 q7, " inputs ", q6\n\t"                                                             \
    "vmullt.s8 q6, " inputs ", q6\n\t"                                                             \
    "vadd.i16 " even ", " even ", q7\n\t"                                                          \
    "vadd.i16 " odd ", " odd ", q6\n\t"
#define AKRT_DEPTHWISE_ASM(begin, tap, end)                                                        \
    __asm__ volatile(                                                                              \
        begin "vmov.i32 q0, #0\n\t"                                                                \
              "vmov.i32 q1, #0\n\t"                                                                \
              "vmov.i32 q2, #0\n\t"                                                                \
              "vmov.i32 q3, #0\n\t"                                                                \
              "1:\n\t"                                                                             \
              "ldr %[a], [%[lines]], #4\n\t"                                                       \
              "cbz %[a], 3f\n\t"                                                                   \
              "mov %[of], %[w]\n\t"                                                                \
              "add %[a], %[at]\n\t"                                                                \
              "dls lr, %[n]\n\t"                                                                   \
              "2:\n\t" tap "add %[a], %[pitch]\n\t"                                                \
              "le lr, 2b\n\t"                                                                      \
              "3:\n\t"                                                                             \
              "add %[w], %[step]\n\t"                                                              \
              "subs %[i], #1\n\t"                                                                  \
              "bne 1b\n\t" end                                                                     \
        : [a] "=&l"(a), [of] "=&r"(of), [lines] "+r"(lines), [w] "+r"(weights), [i] "+r"(i)        \
        : [at] "r"(at), [n] "r"(taps->count), [pitch] "r"(taps->pitch), [step] "r"(taps->step),    \
          [to] "r"(to)                                                                             \
        : "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "cc", "memory")
/* 16 channels: their high parts, then their low ones. */
#define AKRT_MID_PUT(even, odd, at)                                                                \
    "vrshrnb.i16 q4, " even ", #4\n\t"                                                             \
    "vrshrnt.i16 q4, " odd ", #4\n\t"                                                              \
    "vmovnt.i16 " even ", " odd "\n\t"                                                             \
    "vstrb.8 q4, [%[to], #" at "]\n\t"                                                             \
    "vshl.i8 " even ", " even ", #4\n\t"                                                           \
    "vshr.s8 " even ", " even ", #4\n\t"                                                           \
    "vstrb.8 " even ", [%[to], #" at " + 16]\n\t"

/* Of four words at offset `at` of every line, as akrt_vector_halves wants them. Returns the weights
 * of the next ones. */
static inline const int8_t *akrt_depthwise_vector(const akrt_mid_taps *taps,
                                                  const void *const *lines, int32_t at,
                                                  const int8_t *weights, int8_t *to) {
    const uint8_t *a;
    const int8_t *of;
    int32_t i = taps->lines;
    AKRT_DEPTHWISE_ASM("",
                       "vldrb.u8 q4, [%[a]]\n\t"
                       "vshr.u8 q5, q4, #4\n\t"
                       "vshl.i8 q4, q4, #4\n\t"
                       "vshr.u8 q4, q4, #4\n\t" AKRT_DEPTHWISE_HALF("q4", "q0", "q1")
                           AKRT_DEPTHWISE_HALF("q5", "q2", "q3"),
                       AKRT_MID_PUT("q0", "q1", "0") AKRT_MID_PUT("q2", "q3", "64"));
    return weights;
}

/* The same as sums, (4, 8), of words at `lanes` from there. */
static inline const int8_t *akrt_depthwise_lanes(const akrt_mid_taps *taps,
                                                 const void *const *lines, int32_t at,
                                                 const uint32_t *lanes, const int8_t *weights,
                                                 int16_t *to) {
    const uint8_t *a;
    const int8_t *of;
    int32_t i = taps->lines;
    vst1q_u32((uint32_t *)(void *)to, vld1q_u32(lanes));
    AKRT_DEPTHWISE_ASM(
        "vldrw.u32 q4, [%[to]]\n\t",
        "vldrw.u32 q5, [%[a], q4]\n\t"
        "vshl.i8 q5, q5, #4\n\t"
        "vshr.u8 q5, q5, #4\n\t" AKRT_DEPTHWISE_HALF(
            "q5", "q0", "q1") "vldrw.u32 q5, [%[a], q4]\n\t"
                              "vshr.u8 q5, q5, #4\n\t" AKRT_DEPTHWISE_HALF("q5", "q2", "q3"),
        "vstrw.32 q0, [%[to]]\n\t"
        "vstrw.32 q1, [%[to], #16]\n\t"
        "vstrw.32 q2, [%[to], #32]\n\t"
        "vstrw.32 q3, [%[to], #48]\n\t");
    return weights;
}
#undef AKRT_DEPTHWISE_HALF
#undef AKRT_DEPTHWISE_ASM
#undef AKRT_MID_PUT

/* The high parts of 16 results. */
static inline int8x16_t akrt_mid_high(const int16_t *sums) {
    const int8x16_t even = vrshrnbq_n_s16(vdupq_n_s8(0), vld1q_s16(sums), 4);
    return vrshrntq_n_s16(even, vld1q_s16(sums + 8), 4);
}

static inline int8x16_t akrt_mid_low(const int16_t *sums) {
    const int8x16_t even = vreinterpretq_s8_s16(vld1q_s16(sums));
    return vshrq_n_s8(vshlq_n_s8(vmovntq_s16(even, vld1q_s16(sums + 8)), 4), 4);
}

static void akrt_mid_store(const int16_t *sums, int32_t words, int8_t *to) {
    const int8x16_t even = akrt_mid_high(sums), even_low = akrt_mid_low(sums);
    const int8x16_t odd = akrt_mid_high(sums + 16), odd_low = akrt_mid_low(sums + 16);
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
static int32_t akrt_mid_part(int16_t *sums, int32_t upper) {
    uint32_t any = 0;
    for (int32_t i = 0; i < 32; i += 8) {
        const int16x8_t sum = vld1q_s16(sums + i), high = vrshrq_n_s16(sum, AKRT_MID_UPPER_BITS);
        any |= vcmpneq_n_s16(high, 0);
        vst1q_s16(sums + i, upper ? high : vsubq_s16(sum, vshlq_n_s16(high, AKRT_MID_UPPER_BITS)));
    }
    return any != 0;
}

/* What the positions of a line have in common. */
typedef struct akrt_mid_line {
    akrt_mid_taps taps;
    int32_t words, last; /* the last vector's first word, in bytes */
    int32_t in_y, size_y, stride_y, pad_y;
    const int8_t *weights;
    const void *const *lines;
} akrt_mid_line;

/* Layers of at least four words, of few taps: v is the first position on Y of the window. */
static inline void akrt_depthwise_position(akrt_mid_line *line, int32_t v, int8_t *to) {
    const int32_t from = v < 0 ? -v : 0, left = line->in_y - v;
    const int8_t *weights = line->weights + 32 * from;
    int32_t at = line->taps.pitch * (v + from);
    const int32_t end = at + line->last;
    line->taps.count = (left < line->size_y ? left : line->size_y) - from;
    for (; at < end; at += 16) {
        weights = akrt_depthwise_vector(&line->taps, line->lines, at, weights, to);
        to += 128;
    }
    akrt_depthwise_vector(&line->taps, line->lines, end, weights, to);
}

/* Any layer: `count` positions from y on; what is not there of the last two is the last again.
 * upper: the upper parts, else the lower ones. Returns whether there are upper parts. */
static int32_t akrt_depthwise_run(akrt_mid_line *line, const akrt_mid_words *where, int32_t y,
                                  int32_t count, int32_t upper, int8_t *mid) {
    const int32_t words = line->words, all = line->taps.lines * line->size_y;
    const int32_t several = AKRT_MID_POSITIONS(words), stride = line->stride_y;
    int32_t any = 0, n;
    for (int32_t p = 0; p < ((count + 1) & ~1); p += n) {
        const int32_t v = (y + (p < count ? p : count - 1)) * stride - line->pad_y;
        const int32_t from = v < 0 ? -v : 0, left = line->in_y - v;
        const int8_t *weights = line->weights + 32 * from;
        const uint32_t *lanes = where->one;
        int8_t *to = mid + (words == 1 ? 16 : 32) * p;
        int32_t at = line->taps.pitch * (v + from);
        const int32_t end = at + line->last;
        line->taps.count = (left < line->size_y ? left : line->size_y) - from;
        n = 1;
        if (count - p >= several && v >= 0 && left >= (several - 1) * stride + line->size_y) {
            n = several;
            lanes = where->several;
        }
        for (;;) {
            int32_t memory[16]; /* aligned */
            int16_t *const sums = (int16_t *)(void *)memory;
            weights = akrt_depthwise_lanes(&line->taps, line->lines, at, lanes, weights, sums);
            if (all > AKRT_MID_TAPS) {
                any |= akrt_mid_part(sums, upper);
            }
            akrt_mid_store(sums, words, to);
            if (at == end) {
                break;
            }
            at = at + 16 < end ? at + 16 : end;
            to += 128;
        }
    }
    return any;
}
#endif
#endif
