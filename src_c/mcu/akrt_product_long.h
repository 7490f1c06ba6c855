#ifndef AKRT_PRODUCT_LONG_H
#define AKRT_PRODUCT_LONG_H
#include "akrt_product.h"
#if AKRT_LONG_MLA
/* Sums of two, four and six positions for a pair of filters over quads of inputs, at least one;
 * a tap of the patch has one, two or three words. */
#if defined(__GNUC__)
/* Loads in multiples; a compiler spends an instruction on every one and runs out of registers. All
 * are taken: r7, which may be the frame's, is put back. Two quads at a time: enter where the rest
 * begins. */
#define AKRT_PRODUCT_QUAD(tap)                                                                     \
    "ldr r3, [r1], #4\n\t"                                                                         \
    "and r8, r2, r3\n\t" tap "and r8, r2, r3, ror #8\n\t" tap "and r8, r2, r3, ror #16\n\t" tap    \
    "and r8, r2, r3, ror #24\n\t" tap
#define AKRT_PRODUCT_QUADS(tap, clear, sums_of)                                                    \
    register const uint32_t *a __asm__("r0") = patch;                                              \
    register const uint32_t *w __asm__("r1") = weights;                                            \
    register int32_t n __asm__("r2") = quads;                                                      \
    register uint64_t *to __asm__("r3") = sums;                                                    \
    __asm__ volatile("push {r3, r7}\n\t"                                                           \
                     "add r3, r1, r2, lsl #2\n\t"                                                  \
                     "push {r3}\n\t" clear "tst r2, #1\n\t"                                        \
                     "mov r2, #0xf0000000\n\t"                                                     \
                     "orr r2, r2, #15\n\t"                                                         \
                     "bne 2f\n\t"                                                                  \
                     "1:\n\t" AKRT_PRODUCT_QUAD(tap) "2:\n\t" AKRT_PRODUCT_QUAD(                   \
                         tap) "ldr r3, [sp]\n\t"                                                   \
                              "cmp r1, r3\n\t"                                                     \
                              "bne 1b\n\t"                                                         \
                              "pop {r2, r3, r4}\n\t"                                               \
                              "stmia r3, {" sums_of "}\n\t"                                        \
                              "mov r7, r4\n\t"                                                     \
                     : "+r"(a), "+r"(w), "+r"(n), "+r"(to)                                         \
                     :                                                                             \
                     : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")

__attribute__((noinline)) static void
akrt_product_six(const uint32_t *patch, const uint32_t *weights, int32_t quads, uint64_t *sums) {
    AKRT_PRODUCT_QUADS("ldmia r0!, {r4, r5, r6}\n\t"
                       "umlal r7, r9, r4, r8\n\t"
                       "umlal r10, r11, r5, r8\n\t"
                       "umlal r12, lr, r6, r8\n\t",
                       "mov r7, #0\n\t"
                       "mov r9, #0\n\t"
                       "mov r10, #0\n\t"
                       "mov r11, #0\n\t"
                       "mov r12, #0\n\t"
                       "mov lr, #0\n\t",
                       "r7, r9, r10, r11, r12, lr");
}

__attribute__((noinline)) static void
akrt_product_four(const uint32_t *patch, const uint32_t *weights, int32_t quads, uint64_t *sums) {
    AKRT_PRODUCT_QUADS("ldmia r0!, {r4, r5}\n\t"
                       "umlal r7, r9, r4, r8\n\t"
                       "umlal r10, r11, r5, r8\n\t",
                       "mov r7, #0\n\t"
                       "mov r9, #0\n\t"
                       "mov r10, #0\n\t"
                       "mov r11, #0\n\t",
                       "r7, r9, r10, r11");
}

__attribute__((noinline)) static void
akrt_product_two(const uint32_t *patch, const uint32_t *weights, int32_t quads, uint64_t *sums) {
    AKRT_PRODUCT_QUADS("ldr r4, [r0], #4\n\t"
                       "umlal r7, r9, r4, r8\n\t",
                       "mov r7, #0\n\t"
                       "mov r9, #0\n\t",
                       "r7, r9");
}
#undef AKRT_PRODUCT_QUAD
#undef AKRT_PRODUCT_QUADS
#else
static void akrt_product_quads(const uint32_t *patch, const uint32_t *weights, int32_t quads,
                               int32_t words, uint64_t *sums) {
    for (int32_t p = 0; p < words; p++) {
        const uint32_t *a = patch + p;
        uint64_t sum = 0;
        for (int32_t q = 0; q < quads; q++) {
            for (int32_t k = 0; k < 4; k++) {
                sum += (uint64_t)*a * (akrt_rotated(weights[q], 8 * k) & AKRT_PRODUCT_MASK);
                a += words;
            }
        }
        sums[p] = sum;
    }
}

static void akrt_product_six(const uint32_t *patch, const uint32_t *weights, int32_t quads,
                             uint64_t *sums) {
    akrt_product_quads(patch, weights, quads, 3, sums);
}

static void akrt_product_four(const uint32_t *patch, const uint32_t *weights, int32_t quads,
                              uint64_t *sums) {
    akrt_product_quads(patch, weights, quads, 2, sums);
}

static void akrt_product_two(const uint32_t *patch, const uint32_t *weights, int32_t quads,
                             uint64_t *sums) {
    akrt_product_quads(patch, weights, quads, 1, sums);
}
#endif

/* Adds the sums of a pair of filters, less where they started, to the potentials of a run. */
static inline void akrt_product_pair(const uint32_t *patch, const uint32_t *weights, int32_t quads,
                                     const uint32_t *start, int32_t count, int32_t filters,
                                     int32_t *to) {
    uint64_t both[AKRT_RUN / 2];
    const uint64_t *sums = both;
    if (count > 4) {
        akrt_product_six(patch, weights, quads, both);
    } else if (count > 2) {
        akrt_product_four(patch, weights, quads, both);
    } else {
        akrt_product_two(patch, weights, quads, both);
    }
    for (int32_t p = 0; p < count; p += 2) {
        const uint32_t low = (uint32_t)*sums, high = (uint32_t)(*sums >> 32);
        to[0] += (int32_t)((low & 0x3fffu) - start[p]);
        to[1] += (int32_t)((low >> 28 | (high << 4 & 0x3ff0u)) - start[p]);
        to[filters] += (int32_t)((low >> 14 & 0x3fffu) - start[p + 1]);
        to[filters + 1] += (int32_t)((high >> 10 & 0x3fffu) - start[p + 1]);
        to += 2 * filters;
        sums++;
    }
}

/* The nibbles of eight channels at two positions: 14 bits apart, a tap each, `step` words apart.
 * Returns the sum of the first `some` taps. */
static inline uint32_t akrt_patch_pair(uint32_t a, uint32_t b, int32_t some, int32_t step,
                                       uint32_t *to) {
    const uint32_t mask = 0x0003c00fu;
    uint32_t both = (a & 0xfffu) | (b & 0xfffu) << 14, sum, tap;
#define AKRT_PATCH_TAP(bits)                                                                       \
    to += step;                                                                                    \
    tap = both >> (bits)&mask;                                                                     \
    sum += tap;                                                                                    \
    *to = tap;
    *to = sum = both & mask;
    AKRT_PATCH_TAP(4)
    AKRT_PATCH_TAP(8)
    both = (a >> 12 & 0xfffu) | (b >> 12 & 0xfffu) << 14;
    AKRT_PATCH_TAP(0)
    if (some == 8) {
        AKRT_PATCH_TAP(4)
        AKRT_PATCH_TAP(8)
        both = a >> 24 | b >> 24 << 14;
        AKRT_PATCH_TAP(0)
        AKRT_PATCH_TAP(4)
    }
#undef AKRT_PATCH_TAP
    return sum;
}
#endif
#endif
