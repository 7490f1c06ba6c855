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

/* Where the words of a vector lie, in bytes from the first; `step` from one position to the next,
 * 0 for one position. */
static inline uint32x4_t akrt_mid_lanes(int32_t words, uint32_t step) {
    const uint32x4_t lane = vidupq_n_u32(0, 1);
    if (words == 1) {
        return vmulq_n_u32(lane, step);
    }
    if (words == 2) {
        const uint32x4_t word = vshlq_n_u32(vandq_u32(lane, vdupq_n_u32(1)), 2);
        return vaddq_u32(word, vmulq_n_u32(vshrq_n_u32(lane, 1), step));
    }
    return vshlq_n_u32(vminq_u32(lane, vdupq_n_u32((uint32_t)words - 1)), 2);
}

/* What the vectors of a line have in common. The first six are for assembly. */
typedef struct akrt_mid_line {
    int32_t pitch, step;  /* bytes from one position to the next; of weights, of line to line */
    int32_t count, lines; /* taps on Y, and lines */
    void *to;
    uint32_t lanes[4];   /* where words lie, from the first */
    int32_t words, last; /* the last vector's first word, in bytes */
    int32_t in_y, size_y, stride_y, pad_y;
    const int8_t *weights;
    const void *const *from;
} akrt_mid_line;

/* Sums of 32 channels in q0 to q3: channels 0, 4, ... by bytes, 2, 6, ..; 1, 5, ..; 3, 7, .. */
#define AKRT_DEPTHWISE_HALF(inputs, even, odd)                                                     \
    "vldrb.u8 q6, [%[of]], #16\n\t"                                                                \
    "vmullb.s8 q7, " inputs ", q6\n\t"                                                             \
    "vmullt.s8 q6, " inputs ", q6\n\t"                                                             \
    "vadd.i16 " even ", " even ", q7\n\t"                                                          \
    "vadd.i16 " odd ", " odd ", q6\n\t"
/* Returns the weights of the next vector. at: of the first word on every line. */
#define AKRT_DEPTHWISE(name, begin, tap, end)                                                      \
    __attribute__((always_inline)) static inline const int8_t *name(                               \
        const akrt_mid_line *line, int32_t at, const int8_t *weights) {                            \
        const void *const *from = line->from;                                                      \
        const uint8_t *a, *of;                                                                     \
        int32_t i = line->lines;                                                                   \
        __asm__ volatile(                                                                          \
            begin "vmov.i32 q0, #0\n\t"                                                            \
                  "vmov.i32 q1, #0\n\t"                                                            \
                  "vmov.i32 q2, #0\n\t"                                                            \
                  "vmov.i32 q3, #0\n\t"                                                            \
                  "1:\n\t"                                                                         \
                  "ldr %[a], [%[from]], #4\n\t"                                                    \
                  "cbz %[a], 3f\n\t"                                                               \
                  "ldr lr, [%[line], #8]\n\t"                                                      \
                  "mov %[of], %[w]\n\t"                                                            \
                  "add %[a], %[at]\n\t"                                                            \
                  "dls lr, lr\n\t"                                                                 \
                  "2:\n\t" tap "add %[a], %[pitch]\n\t"                                            \
                  "le lr, 2b\n\t"                                                                  \
                  "3:\n\t"                                                                         \
                  "ldr %[of], [%[line], #4]\n\t"                                                   \
                  "add %[w], %[of]\n\t"                                                            \
                  "subs %[i], #1\n\t"                                                              \
                  "bne 1b\n\t"                                                                     \
                  "ldr %[of], [%[line], #16]\n\t" end                                              \
            : [a] "=&l"(a), [of] "=&r"(of), [from] "+r"(from), [w] "+r"(weights), [i] "+r"(i)      \
            : [at] "r"(at), [pitch] "r"(line->pitch), [line] "r"(line)                             \
            : "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "cc", "memory");               \
        return weights;                                                                            \
    }
/* The words of one position, and words at `lanes`. */
#define AKRT_DEPTHWISE_TAP                                                                         \
    "vldrb.u8 q4, [%[a]]\n\t"                                                                      \
    "vshr.u8 q5, q4, #4\n\t"                                                                       \
    "vshl.i8 q4, q4, #4\n\t"                                                                       \
    "vshr.u8 q4, q4, #4\n\t" AKRT_DEPTHWISE_HALF("q4", "q0", "q1")                                 \
        AKRT_DEPTHWISE_HALF("q5", "q2", "q3")
#define AKRT_DEPTHWISE_LANES "vldrw.u32 q4, [%[line], #20]\n\t"
#define AKRT_DEPTHWISE_GATHER                                                                      \
    "vldrw.u32 q5, [%[a], q4]\n\t"                                                                 \
    "vshl.i8 q5, q5, #4\n\t"                                                                       \
    "vshr.u8 q5, q5, #4\n\t" AKRT_DEPTHWISE_HALF(                                                  \
        "q5", "q0", "q1") "vldrw.u32 q5, [%[a], q4]\n\t"                                           \
                          "vshr.u8 q5, q5, #4\n\t" AKRT_DEPTHWISE_HALF("q5", "q2", "q3")
/* High parts to q4 and q5, low ones to q6 and q7: of even channels, of odd ones. */
#define AKRT_MID_PARTS                                                                             \
    "vrshrnb.i16 q4, q0, #4\n\t"                                                                   \
    "vrshrnt.i16 q4, q1, #4\n\t"                                                                   \
    "vmovnt.i16 q0, q1\n\t"                                                                        \
    "vshl.i8 q0, q0, #4\n\t"                                                                       \
    "vshr.s8 q6, q0, #4\n\t"                                                                       \
    "vrshrnb.i16 q5, q2, #4\n\t"                                                                   \
    "vrshrnt.i16 q5, q3, #4\n\t"                                                                   \
    "vmovnt.i16 q2, q3\n\t"                                                                        \
    "vshl.i8 q2, q2, #4\n\t"                                                                       \
    "vshr.s8 q7, q2, #4\n\t"
#define AKRT_MID_PUT                                                                               \
    AKRT_MID_PARTS "vstrb.8 q4, [%[of]]\n\t"                                                       \
                   "vstrb.8 q6, [%[of], #16]\n\t"                                                  \
                   "vstrb.8 q5, [%[of], #64]\n\t"                                                  \
                   "vstrb.8 q7, [%[of], #80]\n\t"
AKRT_DEPTHWISE(akrt_depthwise_words, "", AKRT_DEPTHWISE_TAP, AKRT_MID_PUT)
AKRT_DEPTHWISE(akrt_depthwise_three, AKRT_DEPTHWISE_LANES, AKRT_DEPTHWISE_GATHER, AKRT_MID_PUT)
/* Two words of two positions. */
AKRT_DEPTHWISE(akrt_depthwise_two, AKRT_DEPTHWISE_LANES, AKRT_DEPTHWISE_GATHER,
               AKRT_MID_PARTS "vstr d8, [%[of]]\n\t"
                              "vstr d10, [%[of], #8]\n\t"
                              "vstr d12, [%[of], #16]\n\t"
                              "vstr d14, [%[of], #24]\n\t"
                              "vstr d9, [%[of], #32]\n\t"
                              "vstr d11, [%[of], #40]\n\t"
                              "vstr d13, [%[of], #48]\n\t"
                              "vstr d15, [%[of], #56]\n\t")
/* One word of four positions. */
AKRT_DEPTHWISE(akrt_depthwise_one, AKRT_DEPTHWISE_LANES, AKRT_DEPTHWISE_GATHER,
               AKRT_MID_PARTS "vst40.32 {q4, q5, q6, q7}, [%[of]]\n\t"
                              "vst41.32 {q4, q5, q6, q7}, [%[of]]\n\t"
                              "vst42.32 {q4, q5, q6, q7}, [%[of]]\n\t"
                              "vst43.32 {q4, q5, q6, q7}, [%[of]]\n\t")
/* The sums as they are. */
AKRT_DEPTHWISE(akrt_depthwise_sums, AKRT_DEPTHWISE_LANES, AKRT_DEPTHWISE_GATHER,
               "vstrw.32 q0, [%[of]]\n\t"
               "vstrw.32 q1, [%[of], #16]\n\t"
               "vstrw.32 q2, [%[of], #32]\n\t"
               "vstrw.32 q3, [%[of], #48]\n\t")
#undef AKRT_DEPTHWISE_HALF
#undef AKRT_DEPTHWISE
#undef AKRT_DEPTHWISE_TAP
#undef AKRT_DEPTHWISE_LANES
#undef AKRT_DEPTHWISE_GATHER
#undef AKRT_MID_PARTS
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

/* The first tap on Y that is within, and how many there are, of the window from v on. */
static inline int32_t akrt_mid_taps(akrt_mid_line *line, int32_t v) {
    const int32_t from = v < 0 ? -v : 0, left = line->in_y - v;
    line->count = (left < line->size_y ? left : line->size_y) - from;
    return from;
}

/* Layers of at least four words, of few taps: v is the first position on Y of the window. */
static inline void akrt_depthwise_position(akrt_mid_line *line, int32_t v, int8_t *to) {
    const int32_t from = akrt_mid_taps(line, v);
    const int8_t *weights = line->weights + 32 * from;
    int32_t at = line->pitch * (v + from);
    const int32_t end = at + line->last;
    line->to = to;
    for (;;) {
        weights = akrt_depthwise_words(line, at, weights);
        if (at == end) {
            break;
        }
        at = at + 16 < end ? at + 16 : end;
        line->to = to += 128;
    }
}

/* How many of `count` positions are done at once, from the window on whose first position is v. */
static inline int32_t akrt_mid_group(akrt_mid_line *line, int32_t v, int32_t count) {
    const int32_t words = line->words, several = AKRT_MID_POSITIONS(words);
    if (count >= several && v >= 0 &&
        line->in_y - v >= (several - 1) * line->stride_y + line->size_y) {
        vst1q_u32(line->lanes, akrt_mid_lanes(words, (uint32_t)(line->stride_y * line->pitch)));
        return several;
    }
    vst1q_u32(line->lanes, akrt_mid_lanes(words, 0));
    return 1;
}

/* Fewer words: `count` positions from y on; what is not there of the last two is the last again. */
static void akrt_depthwise_few(akrt_mid_line *line, int32_t y, int32_t count, int8_t *mid) {
    const int32_t words = line->words;
    for (int32_t p = 0, n; p < ((count + 1) & ~1); p += n) {
        const int32_t v = (y + (p < count ? p : count - 1)) * line->stride_y - line->pad_y;
        const int32_t from = akrt_mid_taps(line, v), at = line->pitch * (v + from);
        const int8_t *const weights = line->weights + 32 * from;
        n = akrt_mid_group(line, v, count - p);
        line->to = mid + (words == 1 ? 16 : 32) * p;
        if (words == 1) {
            akrt_depthwise_one(line, at, weights);
        } else if (words == 2) {
            akrt_depthwise_two(line, at, weights);
        } else {
            akrt_depthwise_three(line, at, weights);
        }
    }
}

/* The same of any layer. upper: the upper parts, else the lower ones. Returns whether there are
 * upper parts. */
static int32_t akrt_depthwise_many(akrt_mid_line *line, int32_t y, int32_t count, int32_t upper,
                                   int8_t *mid) {
    int32_t any = 0, n;
    for (int32_t p = 0; p < ((count + 1) & ~1); p += n) {
        const int32_t v = (y + (p < count ? p : count - 1)) * line->stride_y - line->pad_y;
        const int32_t from = akrt_mid_taps(line, v);
        const int8_t *weights = line->weights + 32 * from;
        int8_t *to = mid + (line->words == 1 ? 16 : 32) * p;
        int32_t at = line->pitch * (v + from), memory[16];
        const int32_t end = at + line->last;
        int16_t *const sums = (int16_t *)(void *)memory;
        n = akrt_mid_group(line, v, count - p);
        line->to = memory;
        for (;;) {
            weights = akrt_depthwise_sums(line, at, weights);
            any |= akrt_mid_part(sums, upper);
            akrt_mid_store(sums, line->words, to);
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
