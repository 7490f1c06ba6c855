#ifndef AKRT_DWCONV_ROWS_H
#define AKRT_DWCONV_ROWS_H
#include "akrt_tap_words.h"

/* Words of a row's depthwise results: five a channel, or by pairs where AKRT_DSP is 1. */
#define AKRT_MID_WORDS(channels) (AKRT_ROW_WIDTH * (int32_t)(channels))
#define AKRT_MID_PAIR_WORDS(channels) (AKRT_PAIR_WORDS * ((int32_t)(channels) >> 1))

/* Depthwise 3x3 of one row: three rows of words (akrt_load_rows) to results at five positions.
 *
 * Polynomials in z = 2^10 share multiplications: positions x0 + x1 z + x2 z^2 times taps
 * w2 + w1 z + w0 z^2 have results 0 and 1 at z^1 and z^2. With activations of 4 bits and nine
 * weights of -7..7 a result, and every part of it, spans at most 945, so that, moved by its
 * minimum, it fits a field of 10 bits. What lies above bit 29 is of no interest. */
#if AKRT_LONG_MLA && !AKRT_MVE && !AKRT_DSP
/* The products of the first three positions go on at z^3 and z^4: parts of results 2 and 3, to
 * which the last two positions add theirs at z^0 and z^1, and result 4 at z^2. */
#define AKRT_FIELDS(above, here, below, t)                                                         \
    int64_t sum = (t)[3];                                                                          \
    uint32_t first, second = (uint32_t)(t)[3];                                                     \
    sum += (int64_t)(int32_t)(above)[0] * (t)[0];                                                  \
    second += (above)[1] * (uint32_t)(t)[0];                                                       \
    sum += (int64_t)(int32_t)(here)[0] * (t)[1];                                                   \
    second += (here)[1] * (uint32_t)(t)[1];                                                        \
    sum += (int64_t)(int32_t)(below)[0] * (t)[2];                                                  \
    second += (below)[1] * (uint32_t)(t)[2];                                                       \
    first = (uint32_t)sum;                                                                         \
    second += (uint32_t)((uint64_t)sum >> 32) << 2;                                                \
    second += first >> 30;
#endif

#if AKRT_MVE
/* Results as words, (channels, 5), four channels to a vector; see the portable form below. */
#define AKRT_TAPS(words, taps)                                                                     \
    do {                                                                                           \
        const uint32x4x2_t pair = __arm_vld2q_u32(words);                                          \
        const int32x4_t upper = __arm_vshrq_n_s32(__arm_vaddq_n_s32(taps, 512), 10);               \
        const int32x4_t shifted = (int32x4_t)__arm_vshrq_n_u32(pair.val[0], 10);                   \
        first = __arm_vaddq_s32(first, __arm_vmulq_s32((int32x4_t)pair.val[0], taps));             \
        middle = __arm_vaddq_s32(middle, __arm_vmulq_s32(shifted, upper));                         \
        last = __arm_vaddq_s32(last, __arm_vmulq_s32((int32x4_t)pair.val[1], taps));               \
    } while (0)
#define AKRT_OUT(y, value, shift)                                                                  \
    __arm_vstrwq_scatter_offset_u32(                                                               \
        out + (y), places,                                                                         \
        __arm_vsubq_u32(__arm_vandq_u32(__arm_vshrq_n_u32((uint32x4_t)(value), shift), field),     \
                        low))

static void akrt_dwconv_rows(const uint32_t *above, const uint32_t *here, const uint32_t *below,
                             const int32_t *taps, int32_t channels, uint32_t *out) {
    const uint32x4_t field = __arm_vdupq_n_u32(1023);
    const uint32x4_t places = __arm_vmulq_n_u32(__arm_vidupq_n_u32(0, 4), 5);
    for (const int32_t *const end = taps + AKRT_TAP_WORDS * channels; taps < end;) {
        const int32x4x4_t t = __arm_vld4q_s32(taps);
        const uint32x4_t low = __arm_vandq_u32((uint32x4_t)t.val[3], field);
        int32x4_t first = t.val[3], middle = (int32x4_t)low, last = first;
        AKRT_TAPS(above, t.val[0]);
        AKRT_TAPS(here, t.val[1]);
        AKRT_TAPS(below, t.val[2]);
        middle = __arm_vaddq_s32(middle, __arm_vshlq_n_s32(last, 10));
        AKRT_OUT(0, first, 10);
        AKRT_OUT(1, first, 20);
        AKRT_OUT(2, middle, 10);
        AKRT_OUT(3, middle, 20);
        AKRT_OUT(4, last, 20);
        above += 8;
        here += 8;
        below += 8;
        taps += 4 * AKRT_TAP_WORDS;
        out += 4 * AKRT_ROW_WIDTH;
    }
}
#undef AKRT_TAPS
#undef AKRT_OUT
#elif AKRT_DSP
/* Results as halfwords by pairs of channels, the words 2..6 of every AKRT_PAIR_WORDS. Loads in
 * multiples; all registers are taken: r7, which may be the frame's, is put back. */
#define AKRT_TAPS(words, tap)                                                                      \
    "ldrd r9, r10, [" words "], #8\n\t"                                                            \
    "smlal r11, r12, r9, " tap "\n\t"                                                              \
    "mla lr, r10, " tap ", lr\n\t"
/* One channel: AKRT_FIELDS, `first` to r11, `second` to lr, taps[3] to r8. */
#define AKRT_CHANNEL                                                                               \
    "ldmia r3!, {r5, r6, r7, r8}\n\t"                                                              \
    "mov r11, r8\n\t"                                                                              \
    "asr r12, r8, #31\n\t"                                                                         \
    "mov lr, r8\n\t" AKRT_TAPS("r0", "r5") AKRT_TAPS("r1", "r6")                                   \
        AKRT_TAPS("r2", "r7") "add lr, lr, r12, lsl #2\n\t"                                        \
                              "add lr, lr, r11, lsr #30\n\t"
#define AKRT_OUT(to, a, b, temporary, shift)                                                       \
    "ubfx " to ", " a ", #" shift ", #10\n\t"                                                      \
    "ubfx " temporary ", " b ", #" shift ", #10\n\t"                                               \
    "pkhbt " to ", " to ", " temporary ", lsl #16\n\t"                                             \
    "ssub16 " to ", " to ", r7\n\t"
__attribute__((noinline)) static void akrt_dwconv_rows(const uint32_t *above, const uint32_t *here,
                                                       const uint32_t *below, const int32_t *taps,
                                                       int32_t channels, uint32_t *out) {
    register const uint32_t *a __asm__("r0") = above;
    register const uint32_t *h __asm__("r1") = here;
    register const uint32_t *b __asm__("r2") = below;
    register const int32_t *t __asm__("r3") = taps;
    register uint32_t *to __asm__("r4") = out;
    register const int32_t *end __asm__("r5") = taps + AKRT_TAP_WORDS * channels;
    __asm__ volatile(
        "push {r5, r7}\n\t"
        "1:\n\t" AKRT_CHANNEL "strd r11, lr, [r4, #8]\n\t"
        "str r8, [r4, #16]\n\t" AKRT_CHANNEL "ldrd r5, r6, [r4, #8]\n\t"
        "ldr r7, [r4, #16]\n\t"
        "ubfx r7, r7, #0, #10\n\t"
        "ubfx r8, r8, #0, #10\n\t"
        "pkhbt r7, r7, r8, lsl #16\n\t" AKRT_OUT("r8", "r5", "r11", "r9", "10")
            AKRT_OUT("r9", "r5", "r11", "r10", "20") AKRT_OUT("r10", "r6", "lr", "r12", "0")
                AKRT_OUT("r12", "r6", "lr", "r5", "10") "ubfx r5, r6, #20, #10\n\t"
                                                        "ubfx lr, lr, #20, #10\n\t"
                                                        "pkhbt lr, r5, lr, lsl #16\n\t"
                                                        "ssub16 lr, lr, r7\n\t"
                                                        "add r4, r4, #8\n\t"
                                                        "stmia r4!, {r8, r9, r10, r12, lr}\n\t"
                                                        "ldr r5, [sp]\n\t"
                                                        "cmp r3, r5\n\t"
                                                        "bne 1b\n\t"
                                                        "pop {r5, r7}\n\t"
        : "+r"(a), "+r"(h), "+r"(b), "+r"(t), "+r"(to), "+r"(end)
        :
        : "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}
#undef AKRT_TAPS
#undef AKRT_CHANNEL
#undef AKRT_OUT
#elif AKRT_LONG_MLA && !AKRT_MVE
/* Results as words, (channels, 5). */
AKRT_IN_ORDER static void akrt_dwconv_rows(const uint32_t *above, const uint32_t *here,
                                           const uint32_t *below, const int32_t *taps,
                                           int32_t channels, uint32_t *out) {
    for (const int32_t *const end = taps + AKRT_TAP_WORDS * channels; taps < end;
         taps += AKRT_TAP_WORDS) {
        const uint32_t low = (uint32_t)taps[3] & 1023u;
        AKRT_FIELDS(above, here, below, taps)
        out[0] = (first >> 10 & 1023u) - low;
        out[1] = (first >> 20 & 1023u) - low;
        out[2] = (second & 1023u) - low;
        out[3] = (second >> 10 & 1023u) - low;
        out[4] = (second >> 20 & 1023u) - low;
        above += 2;
        here += 2;
        below += 2;
        out += AKRT_ROW_WIDTH;
    }
}
#else
/* Results as words, (channels, 5). `first` gathers results 0 and 1, `last` result 4 and the parts
 * of results 2 and 3 that come from positions 3 and 4, one field lower than in `middle`, which
 * gathers the parts that come from positions 1 and 2. */
#define AKRT_TAPS(words, taps)                                                                     \
    do {                                                                                           \
        first += (words)[0] * (uint32_t)(taps);                                                    \
        middle += ((words)[0] >> 10) * (uint32_t)(((taps) + 512) >> 10);                           \
        last += (words)[1] * (uint32_t)(taps);                                                     \
    } while (0)

AKRT_IN_ORDER static void akrt_dwconv_rows(const uint32_t *above, const uint32_t *here,
                                           const uint32_t *below, const int32_t *taps,
                                           int32_t channels, uint32_t *out) {
    for (const int32_t *const end = taps + AKRT_TAP_WORDS * channels; taps < end;
         taps += AKRT_TAP_WORDS) {
        const uint32_t low = (uint32_t)taps[3] & 1023u;
        uint32_t first = (uint32_t)taps[3], middle = low, last = first;
        AKRT_TAPS(above, taps[0]);
        AKRT_TAPS(here, taps[1]);
        AKRT_TAPS(below, taps[2]);
        middle += last << 10;
        out[0] = (first >> 10 & 1023u) - low;
        out[1] = (first >> 20 & 1023u) - low;
        out[2] = (middle >> 10 & 1023u) - low;
        out[3] = (middle >> 20 & 1023u) - low;
        out[4] = (last >> 20 & 1023u) - low;
        above += 2;
        here += 2;
        below += 2;
        out += AKRT_ROW_WIDTH;
    }
}
#undef AKRT_TAPS
#endif
#endif
