#ifndef AKRT_CONV_TAPS_H
#define AKRT_CONV_TAPS_H
#include "akrt_smlad_rows.h"
#include "akrt_zero.h"
/* Potentials of a pair of filters at five positions, sums (2, 5), or of two pairs, sums (4, 5), if
 * AKRT_FOUR_FILTERS: weights are (taps, 2) bytes a pair.
 * akrt_patch_tap puts the five inputs of a tap into a patch. */
/* Words of a patch, the most of any core: five a tap, or by pairs of taps where AKRT_DSP is 1. */
#define AKRT_CONV_PATCH_WORDS(taps)                                                                \
    AKRT_LARGER(AKRT_ROW_WIDTH *(int32_t)(taps), AKRT_PAIR_WORDS *(((int32_t)(taps) + 1) >> 1))
#if AKRT_DSP
/* By pairs of taps: two words of weights, five of halfwords. */
static void akrt_patch_tap(const int32_t *value, int32_t tap, int32_t *patch) {
    int32_t *const to = patch + AKRT_PAIR_WORDS * (tap >> 1) + 2;
    if ((tap & 1) == 0) {
        memcpy(to, value, AKRT_ROW_WIDTH * sizeof *to);
    } else {
        to[0] |= value[0] << 16;
        to[1] |= value[1] << 16;
        to[2] |= value[2] << 16;
        to[3] |= value[3] << 16;
        to[4] |= value[4] << 16;
    }
}

static void akrt_conv_taps(int32_t *patch, const int8_t *weights, int32_t taps, int32_t *sums) {
    uint32_t *pairs = (uint32_t *)patch;
    if (taps > 1) {
        uint32_t even, odd;
        const int8_t *const end = weights + 4 * (taps >> 1);
        __asm__ volatile(
            "1:\n\t"
            "ldr %[even], [%[from]], #4\n\t"
            "sxtb16 %[odd], %[even], ror #8\n\t"
            "sxtb16 %[even], %[even]\n\t"
            "strd %[even], %[odd], [%[to]], #28\n\t"
            "cmp %[from], %[end]\n\t"
            "bne 1b\n\t"
            : [even] "=&r"(even), [odd] "=&r"(odd), [from] "+r"(weights), [to] "+r"(pairs)
            : [end] "r"(end)
            : "cc", "memory");
    }
    if ((taps & 1) != 0) {
        pairs[0] = (uint32_t)weights[0] & 0xffffu;
        pairs[1] = (uint32_t)weights[1] & 0xffffu;
        pairs += AKRT_PAIR_WORDS;
    }
    sums[0] = sums[1] = sums[2] = sums[3] = sums[4] = 0;
    sums[5] = sums[6] = sums[7] = sums[8] = sums[9] = 0;
    akrt_smlad_rows((uint32_t *)patch, pairs, sums, sums);
}
#elif AKRT_MVE
/* (taps, 5); the sums are akrt_vector_taps's. */
static void akrt_patch_tap(const int32_t *value, int32_t tap, int32_t *patch) {
    int32_t *const to = patch + AKRT_ROW_WIDTH * tap;
    to[0] = value[0];
    to[1] = value[1];
    to[2] = value[2];
    to[3] = value[3];
    to[4] = value[4];
}
#elif AKRT_LONG_MLA && defined(__GNUC__)
/* Two positions to a word, 22 bits apart: with a long multiply-accumulate one instruction serves
 * both. A sum has 21 bits and a sign while taps <= 64 (64 * 255 * 128 is below 2^21): longer
 * kernels are taken in parts. */
#define AKRT_PATCH_WORDS 3
#define AKRT_PATCH_PARTS 64
static void akrt_patch_tap(const int32_t *value, int32_t tap, int32_t *patch) {
    int32_t *const to = patch + AKRT_PATCH_WORDS * tap;
    to[0] = value[0] + value[1] * 4194304;
    to[1] = value[2] + value[3] * 4194304;
    to[2] = value[4];
}

static void akrt_conv_part(const int32_t *patch, const int8_t *weights, int32_t taps,
                           int32_t *out) {
    uint32_t halves[6]; /* low and high word of three sums */
    register const int32_t *a __asm__("r0") = patch;
    register const int8_t *w __asm__("r1") = weights;
    register int32_t n __asm__("r2") = taps;
    register uint32_t *to __asm__("r3") = halves;
    int64_t s0, s1;
#define AKRT_CONV_TAP                                                                              \
    "ldrsb r7, [r1], #2\n\t"                                                                       \
    "ldmia r0!, {r4, r5, r6}\n\t"                                                                  \
    "smlal r8, r9, r4, r7\n\t"                                                                     \
    "smlal r10, r11, r5, r7\n\t"                                                                   \
    "smlal r12, lr, r6, r7\n\t"
    /* r7, which may be the frame's, is put back; loads and products leave the flags alone */
    __asm__ volatile("push {r3, r7}\n\t"
                     "mov r8, #0\n\t"
                     "mov r9, #0\n\t"
                     "mov r10, #0\n\t"
                     "mov r11, #0\n\t"
                     "mov r12, #0\n\t"
                     "mov lr, #0\n\t"
                     "lsrs r2, #1\n\t" /* two taps at a time, an odd one first */
                     "bcc 1f\n\t" AKRT_CONV_TAP "1:\n\t"
                     "beq 3f\n\t"
                     "2:\n\t" AKRT_CONV_TAP AKRT_CONV_TAP "subs r2, #1\n\t"
                     "bne 2b\n\t"
                     "3:\n\t"
                     "pop {r3, r7}\n\t"
                     "stmia r3, {r8, r9, r10, r11, r12, lr}\n\t"
                     : "+r"(a), "+r"(w), "+r"(n), "+r"(to)
                     :
                     : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#undef AKRT_CONV_TAP
    s0 = (int64_t)((uint64_t)halves[1] << 32 | halves[0]);
    s1 = (int64_t)((uint64_t)halves[3] << 32 | halves[2]);
    out[0] += (int32_t)(halves[0] << 10) >> 10;
    out[1] += (int32_t)((s0 + 2097152) >> 22);
    out[2] += (int32_t)(halves[2] << 10) >> 10;
    out[3] += (int32_t)((s1 + 2097152) >> 22);
    out[4] += (int32_t)(halves[4] << 10) >> 10;
}

__attribute__((noinline)) static void akrt_conv_taps(const int32_t *patch, const int8_t *weights,
                                                     int32_t taps, int32_t *sums) {
    sums[0] = sums[1] = sums[2] = sums[3] = sums[4] = 0;
    sums[5] = sums[6] = sums[7] = sums[8] = sums[9] = 0;
    for (int32_t k = 0; k < taps; k += AKRT_PATCH_PARTS) {
        const int32_t part = taps - k < AKRT_PATCH_PARTS ? taps - k : AKRT_PATCH_PARTS;
        akrt_conv_part(patch + AKRT_PATCH_WORDS * k, weights + 2 * k, part, sums);
        akrt_conv_part(patch + AKRT_PATCH_WORDS * k, weights + 2 * k + 1, part,
                       sums + AKRT_ROW_WIDTH);
    }
}
#elif defined(__thumb__) && defined(__GNUC__) && !defined(AKRT_PORTABLE)
/* Five positions in four words, x0 + x1 * 2^11, x1 + x2 * 2^11, x3 and x4. Over 28 taps a sum is
 * below 2^20 - 2^9 (28 * 255 * 128): the low bits of S1 + S2 * 2^11 give those of S1, which leave
 * floor(S0 / 2^11) modulo 2^11 of S0 + S1 * 2^11. Longer kernels are taken in parts. */
#define AKRT_PATCH_WORDS 4
#define AKRT_PATCH_PARTS 28
static void akrt_patch_tap(const int32_t *value, int32_t tap, int32_t *patch) {
    int32_t *const to = patch + AKRT_PATCH_WORDS * tap;
    to[0] = value[0] + value[1] * 2048;
    to[1] = value[1] + value[2] * 2048;
    to[2] = value[3];
    to[3] = value[4];
}

/* Thumb-1: the sums live in the high registers, which can add but not multiply. r7, which may be
 * the frame's, is put back. */
__attribute__((noinline)) static void akrt_conv_part(const int32_t *patch, const int8_t *weights,
                                                     int32_t taps, int32_t *out) {
    uint32_t sums[AKRT_PATCH_WORDS], upper, s1;
    register const int32_t *a __asm__("r0") = patch;
    register const int8_t *w __asm__("r1") = weights;
    register int32_t n __asm__("r2") = 2 * taps;
    register uint32_t *to __asm__("r4") = sums;
#define AKRT_FOUR                                                                                  \
    "ldrsb r7, [r1, r3]\n\t"                                                                       \
    "ldmia r0!, {r4, r5, r6}\n\t"                                                                  \
    "muls r4, r7\n\t"                                                                              \
    "add r8, r4\n\t"                                                                               \
    "muls r5, r7\n\t"                                                                              \
    "add r9, r5\n\t"                                                                               \
    "muls r6, r7\n\t"                                                                              \
    "add r10, r6\n\t"                                                                              \
    "ldmia r0!, {r4}\n\t"                                                                          \
    "muls r4, r7\n\t"                                                                              \
    "add r11, r4\n\t"                                                                              \
    "adds r3, #2\n\t"
    /* two taps at a time, an odd one first */
    __asm__ volatile(".syntax unified\n\t"
                     "push {r4, r7}\n\t"
                     "movs r3, #0\n\t"
                     "mov r8, r3\n\t"
                     "mov r9, r3\n\t"
                     "mov r10, r3\n\t"
                     "mov r11, r3\n\t"
                     "lsls r4, r2, #30\n\t"
                     "bmi 2f\n\t"
                     "1:\n\t" AKRT_FOUR "2:\n\t" AKRT_FOUR "cmp r3, r2\n\t"
                     "bne 1b\n\t"
                     "pop {r4, r7}\n\t"
                     "mov r3, r8\n\t"
                     "mov r5, r9\n\t"
                     "mov r6, r10\n\t"
                     "stmia r4!, {r3, r5, r6}\n\t"
                     "mov r5, r11\n\t"
                     "str r5, [r4]\n\t"
                     : "+r"(a), "+r"(w), "+r"(n), "+r"(to)
                     :
                     : "r3", "r5", "r6", "r8", "r9", "r10", "r11", "cc", "memory");
#undef AKRT_FOUR
    upper = (uint32_t)((int32_t)sums[0] >> 11);
    s1 = upper - (uint32_t)((int32_t)((upper - sums[1]) << 21) >> 21);
    out[0] += (int32_t)(sums[0] - (s1 << 11));
    out[1] += (int32_t)s1;
    out[2] += (int32_t)(sums[1] - s1) >> 11;
    out[3] += (int32_t)sums[2];
    out[4] += (int32_t)sums[3];
}

__attribute__((noinline)) static void akrt_conv_taps(const int32_t *patch, const int8_t *weights,
                                                     int32_t taps, int32_t *sums) {
    sums[0] = sums[1] = sums[2] = sums[3] = sums[4] = 0;
    sums[5] = sums[6] = sums[7] = sums[8] = sums[9] = 0;
    for (int32_t k = 0; k < taps; k += AKRT_PATCH_PARTS) {
        const int32_t part = taps - k < AKRT_PATCH_PARTS ? taps - k : AKRT_PATCH_PARTS;
        akrt_conv_part(patch + AKRT_PATCH_WORDS * k, weights + 2 * k, part, sums);
        akrt_conv_part(patch + AKRT_PATCH_WORDS * k, weights + 2 * k + 1, part,
                       sums + AKRT_ROW_WIDTH);
    }
}
#else
static void akrt_patch_tap(const int32_t *value, int32_t tap, int32_t *patch) {
    int32_t *const to = patch + AKRT_ROW_WIDTH * tap;
    to[0] = value[0];
    to[1] = value[1];
    to[2] = value[2];
    to[3] = value[3];
    to[4] = value[4];
}

#define AKRT_FOUR_FILTERS 1
#define AKRT_PATCH_PARTS 32
/* Four filters' sums S0..S3 in three words, S0 + S1 * 2^11, S1 + S2 * 2^11 and S3: the low bits of
 * the second give those of S1, which leave floor(S0 / 2^11) modulo 2^11. Over 32 taps every sum
 * is below 2^20 (32 * 255 * 128); longer kernels are taken in parts. sums: (4, 5). */
#define AKRT_POSITION(y)                                                                           \
    do {                                                                                           \
        const uint32_t value = (uint32_t)patch[y];                                                 \
        a##y += value * u;                                                                         \
        b##y += value * v;                                                                         \
        c##y += value * w;                                                                         \
    } while (0)
#define AKRT_SPLIT(y)                                                                              \
    do {                                                                                           \
        const int32_t high = (int32_t)(((uint32_t)((int32_t)a##y >> 11) - b##y) << 21) >> 21;      \
        const int32_t s1 =                                                                         \
            (int32_t)((((uint32_t)((int32_t)a##y >> 11)) - (uint32_t)high) << 11) >> 11;           \
        sums[y] += (int32_t)(a##y - (uint32_t)s1 * 2048u);                                         \
        sums[AKRT_ROW_WIDTH + y] += s1;                                                            \
        sums[2 * AKRT_ROW_WIDTH + y] += (int32_t)(b##y - (uint32_t)s1) >> 11;                      \
        sums[3 * AKRT_ROW_WIDTH + y] += (int32_t)c##y;                                             \
    } while (0)
AKRT_IN_ORDER static void akrt_conv_part(const int32_t *patch, const int8_t *first,
                                         const int8_t *second, int32_t taps, int32_t *sums) {
    uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0;
    uint32_t c0 = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0;
    for (const int8_t *const end = first + 2 * taps; first < end; first += 2, second += 2) {
        const uint32_t u = (uint32_t)(first[0] + first[1] * (int32_t)2048);
        const uint32_t v = (uint32_t)(first[1] + second[0] * (int32_t)2048);
        const uint32_t w = (uint32_t)second[1];
        AKRT_POSITION(0);
        AKRT_POSITION(1);
        AKRT_POSITION(2);
        AKRT_POSITION(3);
        AKRT_POSITION(4);
        patch += AKRT_ROW_WIDTH;
    }
    AKRT_SPLIT(0);
    AKRT_SPLIT(1);
    AKRT_SPLIT(2);
    AKRT_SPLIT(3);
    AKRT_SPLIT(4);
}
#undef AKRT_POSITION
#undef AKRT_SPLIT

static void akrt_conv_taps(const int32_t *patch, const int8_t *weights, int32_t taps,
                           int32_t *sums) {
    const int8_t *const second = weights + 2 * taps;
    akrt_zero((uint32_t *)sums, 4 * AKRT_ROW_WIDTH);
    for (int32_t k = 0; k < taps; k += AKRT_PATCH_PARTS) {
        const int32_t part = taps - k < AKRT_PATCH_PARTS ? taps - k : AKRT_PATCH_PARTS;
        akrt_conv_part(patch + AKRT_ROW_WIDTH * k, weights + 2 * k, second + 2 * k, part, sums);
    }
}
#endif
#ifndef AKRT_FOUR_FILTERS
#define AKRT_FOUR_FILTERS 0
#endif
#endif
