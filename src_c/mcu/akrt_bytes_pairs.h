#ifndef AKRT_BYTES_PAIRS_H
#define AKRT_BYTES_PAIRS_H
#include "akrt_mcu_layer.h"
#include "akrt_pack_halves.h"
#include "akrt_runs.h"
#if AKRT_DSP
/* A run of up to six positions times a filter, bytes times weights of 8 bits, by SMLAD: a pair of
 * taps of the patch has a word for each position, the first tap in the low half. */
#define AKRT_BYTES_TAPS 72
#define AKRT_BYTES_WORDS(inputs)                                                                   \
    (AKRT_RUN / 2 *                                                                                \
     ((int32_t)(inputs) < AKRT_BYTES_TAPS ? ((int32_t)(inputs) + 3) / 4 * 4 : AKRT_BYTES_TAPS))
typedef uint32_t akrt_bytes_patch;

/* Two pairs of taps at one position. */
static inline void akrt_patch_four(const uint8_t *from, uint32_t *to) {
    uint32_t word, even, odd;
    memcpy(&word, from, 4);
    __asm__("uxtb16 %0, %1" : "=r"(even) : "r"(word));
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(word));
    to[0] = akrt_pack_low(even, odd);
    to[AKRT_RUN] = akrt_pack_high(even, odd);
}

/* The inputs of the windows of a run from `first`, which is even, to `end`. */
static void akrt_patch_bytes(const akrt_mcu_window *w, const void *const *lines, uint32_t border,
                             int32_t y, int32_t count, int32_t first, int32_t end,
                             uint32_t *patch) {
    const int32_t span = w->size_y * w->channels, size = w->in_y * w->channels;
    const int32_t move = w->stride_y * w->channels;
    int32_t i = first / span, offset = first - i * span;
    for (int32_t k = first; k < end; i++) {
        const int32_t some = span - offset < end - k ? span - offset : end - k;
        const uint8_t *const line = (const uint8_t *)lines[i];
        const int32_t there = line == NULL ? 0 : size;
        int32_t at = y * move - w->pad_y * w->channels + offset;
        for (int32_t p = 0; p < count; p++) {
            uint32_t *to = patch + AKRT_RUN * ((k - first) >> 1) + p;
            if (at >= 0 && at + some <= there) {
                const uint8_t *a = line + at;
                const uint8_t *const stop = a + some;
                if ((k & 1) != 0) {
                    *to |= (uint32_t)*a++ << 16;
                    to += AKRT_RUN;
                }
                for (; stop - a >= 4; a += 4) {
                    akrt_patch_four(a, to);
                    to += 2 * AKRT_RUN;
                }
                if (stop - a >= 2) {
                    *to = a[0] | (uint32_t)a[1] << 16;
                    to += AKRT_RUN;
                    a += 2;
                }
                if (a != stop) {
                    *to = *a;
                }
            } else {
                for (int32_t v = at, odd = k & 1; v < at + some; v++, odd ^= 1) {
                    const uint32_t a = (uint32_t)v < (uint32_t)there ? line[v] : border;
                    if (odd != 0) {
                        *to |= a << 16;
                        to += AKRT_RUN;
                    } else {
                        *to = a;
                    }
                }
            }
            at += move;
        }
        k += some;
        offset = 0;
    }
}

/* What the products of a run need. */
typedef struct akrt_bytes_run {
    const uint32_t *patch;
    int32_t used, skip; /* weights of a filter, a multiple of 4, and between those of two filters */
    int32_t step;       /* bytes from the potentials of a position to those of the next */
    int32_t fresh;      /* whether there are none yet */
} akrt_bytes_run;

/* Potentials of every position, `to` being the first one's, of `filters`, at least one: the
 * products, added to what is there or, where `fresh`, not. All registers are taken: r7, which may
 * be the frame's, is put back. */
#define AKRT_BYTES_PUT(sum)                                                                        \
    "str " sum ", [r3]\n\t"                                                                        \
    "add r3, r3, r4\n\t"
#define AKRT_BYTES_GET(sum)                                                                        \
    "ldr " sum ", [r3]\n\t"                                                                        \
    "add r3, r3, r4\n\t"
#define AKRT_BYTES_QUADS(pair, clear, get, put)                                                    \
    register const akrt_bytes_run *of __asm__("r0") = run;                                         \
    register const int8_t *w __asm__("r1") = weights;                                              \
    register int32_t n __asm__("r2") = filters;                                                    \
    register int32_t *out __asm__("r3") = to;                                                      \
    __asm__ volatile("push {r0, r2, r3, r7}\n\t"                                                   \
                     "0:\n\t"                                                                      \
                     "ldr r2, [sp]\n\t" clear "ldrd r4, r5, [r2, #12]\n\t"                         \
                     "cbnz r5, 2f\n\t"                                                             \
                     "ldr r3, [sp, #8]\n\t" get "2:\n\t"                                           \
                     "ldrd r0, r3, [r2]\n\t"                                                       \
                     "add r2, r1, r3\n\t"                                                          \
                     "1:\n\t"                                                                      \
                     "ldr r4, [r1], #4\n\t"                                                        \
                     "sxtb16 r3, r4\n\t"                                                           \
                     "sxtb16 r4, r4, ror #8\n\t" pair("r3") pair("r4") "cmp r1, r2\n\t"            \
                                                                       "bne 1b\n\t"                \
                                                                       "ldrd r2, r3, [sp, #4]\n\t" \
                                                                       "ldr r5, [sp]\n\t"          \
                                                                       "add r0, r3, #4\n\t"        \
                                                                       "subs r2, r2, #1\n\t"       \
                                                                       "strd r2, r0, [sp, #4]\n\t" \
                                                                       "ldrd r0, r4, [r5, #8]\n\t" \
                                                                       "add r1, r1, r0\n\t" put    \
                                                                       "bne 0b\n\t"                \
                                                                       "add sp, sp, #12\n\t"       \
                                                                       "pop {r7}\n\t"              \
                     : "+r"(of), "+r"(w), "+r"(n), "+r"(out)                                       \
                     :                                                                             \
                     : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")
#define AKRT_BYTES_THREE(pair)                                                                     \
    "ldmia r0!, {r5, r6, r12}\n\t"                                                                 \
    "smlad r7, r5, " pair ", r7\n\t"                                                               \
    "smlad r8, r6, " pair ", r8\n\t"                                                               \
    "smlad r9, r12, " pair ", r9\n\t"
#define AKRT_BYTES_SIX(pair)                                                                       \
    AKRT_BYTES_THREE(pair)                                                                         \
    "ldmia r0!, {r5, r6, r12}\n\t"                                                                 \
    "smlad r10, r5, " pair ", r10\n\t"                                                             \
    "smlad r11, r6, " pair ", r11\n\t"                                                             \
    "smlad lr, r12, " pair ", lr\n\t"
#define AKRT_BYTES_FIVE(pair)                                                                      \
    AKRT_BYTES_THREE(pair)                                                                         \
    "ldmia r0!, {r5, r6, r12}\n\t"                                                                 \
    "smlad r10, r5, " pair ", r10\n\t"                                                             \
    "smlad r11, r6, " pair ", r11\n\t"
#define AKRT_BYTES_TWO(pair)                                                                       \
    "ldrd r5, r6, [r0], #24\n\t"                                                                   \
    "smlad r7, r5, " pair ", r7\n\t"                                                               \
    "smlad r8, r6, " pair ", r8\n\t"
#define AKRT_BYTES_CLEAR(sum) "mov " sum ", #0\n\t"
#define AKRT_BYTES_EACH_TWO(do)                                                                    \
    do                                                                                             \
    ("r7") do("r8")
#define AKRT_BYTES_EACH_FIVE(do) AKRT_BYTES_EACH_TWO(do) do("r9") do("r10") do("r11")
#define AKRT_BYTES_EACH_SIX(do) AKRT_BYTES_EACH_FIVE(do) do("lr")

__attribute__((noinline)) static void
akrt_bytes_six(const akrt_bytes_run *run, const int8_t *weights, int32_t filters, int32_t *to) {
    AKRT_BYTES_QUADS(AKRT_BYTES_SIX, AKRT_BYTES_EACH_SIX(AKRT_BYTES_CLEAR),
                     AKRT_BYTES_EACH_SIX(AKRT_BYTES_GET), AKRT_BYTES_EACH_SIX(AKRT_BYTES_PUT));
}

__attribute__((noinline)) static void
akrt_bytes_five(const akrt_bytes_run *run, const int8_t *weights, int32_t filters, int32_t *to) {
    AKRT_BYTES_QUADS(AKRT_BYTES_FIVE, AKRT_BYTES_EACH_FIVE(AKRT_BYTES_CLEAR),
                     AKRT_BYTES_EACH_FIVE(AKRT_BYTES_GET), AKRT_BYTES_EACH_FIVE(AKRT_BYTES_PUT));
}

__attribute__((noinline)) static void
akrt_bytes_two(const akrt_bytes_run *run, const int8_t *weights, int32_t filters, int32_t *to) {
    AKRT_BYTES_QUADS(AKRT_BYTES_TWO, AKRT_BYTES_EACH_TWO(AKRT_BYTES_CLEAR),
                     AKRT_BYTES_EACH_TWO(AKRT_BYTES_GET), AKRT_BYTES_EACH_TWO(AKRT_BYTES_PUT));
}

/* Potentials of `filters` at `count` positions, at least one. */
static inline void akrt_bytes_filters(const akrt_bytes_run *run, const int8_t *weights,
                                      int32_t count, int32_t filters, int32_t *to) {
    if (count == 6) {
        akrt_bytes_six(run, weights, filters, to);
    } else if (count > 2) {
        akrt_bytes_five(run, weights, filters, to);
    } else {
        akrt_bytes_two(run, weights, filters, to);
    }
}
#undef AKRT_BYTES_GET
#undef AKRT_BYTES_THREE
#undef AKRT_BYTES_FIVE
#undef AKRT_BYTES_CLEAR
#undef AKRT_BYTES_EACH_TWO
#undef AKRT_BYTES_EACH_FIVE
#undef AKRT_BYTES_EACH_SIX
#undef AKRT_BYTES_PUT
#undef AKRT_BYTES_QUADS
#undef AKRT_BYTES_SIX
#undef AKRT_BYTES_TWO
#endif
#endif
