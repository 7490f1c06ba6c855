#ifndef AKRT_BYTES_LONG_H
#define AKRT_BYTES_LONG_H
#include "akrt_mcu_layer.h"
#include "akrt_runs.h"
#if AKRT_LONG_MLA && !AKRT_DSP
/* A run of up to six positions times a filter, bytes times weights of 8 bits: a tap of the patch
 * has three words, two positions 23 bits apart in each; 72 * 255 * 128 is below 2^22. */
#define AKRT_BYTES_TAPS 72
#define AKRT_BYTES_WORDS(inputs)                                                                   \
    (AKRT_RUN / 2 *                                                                                \
     ((int32_t)(inputs) < AKRT_BYTES_TAPS ? ((int32_t)(inputs) + 3) / 4 * 4 : AKRT_BYTES_TAPS))
typedef uint32_t akrt_bytes_patch;

/* The inputs of the windows of a run from `first` to `end`. */
static void akrt_patch_bytes(const akrt_mcu_window *w, const void *const *lines, uint32_t border,
                             int32_t y, int32_t count, int32_t first, int32_t end,
                             uint32_t *patch) {
    const int32_t span = w->size_y * w->channels, size = w->in_y * w->channels;
    const int32_t move = w->stride_y * w->channels;
    int32_t i = first / span, offset = first - i * span;
    while (first < end) {
        const int32_t some = span - offset < end - first ? span - offset : end - first;
        const uint8_t *const line = (const uint8_t *)lines[i];
        int32_t at = y * move - w->pad_y * w->channels + offset;
        for (int32_t p = 0; p < count; p += 2) {
            uint32_t *to = patch + (p >> 1), *const stop = to + AKRT_RUN / 2 * some;
            if (line != NULL && at >= 0 && at + move + some <= size) {
                const uint8_t *a = line + at, *b = a + move;
                do {
                    *to = *a++ | (uint32_t)*b++ << 23;
                    to += AKRT_RUN / 2;
                } while (to != stop);
            } else {
                for (int32_t k = at; to != stop; k++) {
                    const int32_t late = k + move;
                    const uint32_t a = line != NULL && k >= 0 && k < size ? line[k] : border;
                    *to = a | (line != NULL && late >= 0 && late < size ? line[late] : border)
                                  << 23;
                    to += AKRT_RUN / 2;
                }
            }
            at += 2 * move;
        }
        patch += AKRT_RUN / 2 * some;
        first += some;
        offset = 0;
        i++;
    }
}

/* What the products of a run need. */
typedef struct akrt_bytes_run {
    const uint32_t *patch;
    int32_t used, skip; /* weights of a filter, a multiple of 4, and between those of two filters */
    int32_t step;       /* bytes from the potentials of a position to those of the next */
    int32_t fresh;      /* whether there are none yet: potentials are cleared */
} akrt_bytes_run;

/* Adds to the potentials of every position, `to` being the first one's, the products of `filters`,
 * at least one. */
#if defined(__GNUC__)
#define AKRT_BYTES_TAP(at, tap) "ldrsb r8, [r1, #" #at "]\n\t" tap
#define AKRT_BYTES_FIELDS(low, high)                                                               \
    "sbfx r0, " low ", #0, #23\n\t"                                                                \
    "lsr r4, " low ", #23\n\t"                                                                     \
    "orr r4, r4, " high ", lsl #9\n\t"                                                             \
    "sub r4, r4, r0, asr #31\n\t"                                                                  \
    "ldr r6, [r3]\n\t"                                                                             \
    "add r6, r6, r0\n\t"                                                                           \
    "str r6, [r3]\n\t"                                                                             \
    "add r3, r3, r5\n\t"                                                                           \
    "ldr r6, [r3]\n\t"                                                                             \
    "add r6, r6, r4\n\t"                                                                           \
    "str r6, [r3]\n\t"                                                                             \
    "add r3, r3, r5\n\t"
#define AKRT_BYTES_QUADS(tap, clear, fields)                                                       \
    register const akrt_bytes_run *of __asm__("r0") = run;                                         \
    register const int8_t *w __asm__("r1") = weights;                                              \
    register int32_t n __asm__("r2") = filters;                                                    \
    register int32_t *out __asm__("r3") = to;                                                      \
    __asm__ volatile("push {r0, r2, r3, r7}\n\t"                                                   \
                     "0:\n\t"                                                                      \
                     "ldr r2, [sp]\n\t"                                                            \
                     "ldrd r0, r3, [r2]\n\t"                                                       \
                     "add r2, r1, r3\n\t" clear "1:\n\t" AKRT_BYTES_TAP(0, tap)                    \
                         AKRT_BYTES_TAP(2, tap) AKRT_BYTES_TAP(1, tap)                             \
                             AKRT_BYTES_TAP(3, tap) "add r1, r1, #4\n\t"                           \
                                                    "cmp r1, r2\n\t"                               \
                                                    "bne 1b\n\t"                                   \
                                                    "ldr r2, [sp]\n\t"                             \
                                                    "ldr r3, [sp, #8]\n\t"                         \
                                                    "ldrd r4, r5, [r2, #8]\n\t"                    \
                                                    "add r1, r1, r4\n\t"                           \
                                                    "add r4, r3, #4\n\t"                           \
                                                    "str r4, [sp, #8]\n\t" fields                  \
                                                    "ldr r3, [sp, #4]\n\t"                         \
                                                    "subs r3, r3, #1\n\t"                          \
                                                    "str r3, [sp, #4]\n\t"                         \
                                                    "bne 0b\n\t"                                   \
                                                    "add sp, sp, #12\n\t"                          \
                                                    "pop {r7}\n\t"                                 \
                     : "+r"(of), "+r"(w), "+r"(n), "+r"(out)                                       \
                     :                                                                             \
                     : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")

__attribute__((noinline)) static void
akrt_bytes_six(const akrt_bytes_run *run, const int8_t *weights, int32_t filters, int32_t *to) {
    AKRT_BYTES_QUADS("ldmia r0!, {r4, r5, r6}\n\t"
                     "smlal r7, r9, r4, r8\n\t"
                     "smlal r10, r11, r5, r8\n\t"
                     "smlal r12, lr, r6, r8\n\t",
                     "mov r7, #0\n\t"
                     "mov r9, #0\n\t"
                     "mov r10, #0\n\t"
                     "mov r11, #0\n\t"
                     "mov r12, #0\n\t"
                     "mov lr, #0\n\t",
                     AKRT_BYTES_FIELDS("r7", "r9") AKRT_BYTES_FIELDS("r10", "r11")
                         AKRT_BYTES_FIELDS("r12", "lr"));
}

__attribute__((noinline)) static void
akrt_bytes_two(const akrt_bytes_run *run, const int8_t *weights, int32_t filters, int32_t *to) {
    AKRT_BYTES_QUADS("ldr r4, [r0], #12\n\t"
                     "smlal r7, r9, r4, r8\n\t",
                     "mov r7, #0\n\t"
                     "mov r9, #0\n\t",
                     AKRT_BYTES_FIELDS("r7", "r9"));
}
#undef AKRT_BYTES_TAP
#undef AKRT_BYTES_FIELDS
#undef AKRT_BYTES_QUADS
#else
static void akrt_bytes_words(const akrt_bytes_run *run, const int8_t *weights, int32_t filters,
                             int32_t *to, int32_t words) {
    static const uint8_t order[4] = {0, 2, 1, 3};
    for (; filters > 0; filters--) {
        int32_t *at = to++;
        for (int32_t p = 0; p < words; p++) {
            const uint32_t *a = run->patch + p;
            int32_t first = 0, second = 0;
            for (int32_t k = 0; k < run->used; k++) {
                const int32_t weight = weights[(k & ~3) + order[k & 3]];
                first += (int32_t)(*a & 255u) * weight;
                second += (int32_t)(*a >> 23) * weight;
                a += AKRT_RUN / 2;
            }
            *at += first;
            at += run->step / (int32_t)sizeof *at;
            *at += second;
            at += run->step / (int32_t)sizeof *at;
        }
        weights += run->used + run->skip;
    }
}
#define akrt_bytes_six(run, weights, filters, to) akrt_bytes_words(run, weights, filters, to, 3)
#define akrt_bytes_two(run, weights, filters, to) akrt_bytes_words(run, weights, filters, to, 1)
#endif

/* Adds the products of filters to the potentials of a run. */
static inline void akrt_bytes_filters(const akrt_bytes_run *run, const int8_t *weights,
                                      int32_t count, int32_t filters, int32_t *to) {
    for (int32_t p = 0; run->fresh != 0 && p < AKRT_RUN; p++) {
        memset(to + p * run->step / (int32_t)sizeof *to, 0, (size_t)filters * sizeof *to);
    }
    if (count > 2) {
        akrt_bytes_six(run, weights, filters, to);
    } else {
        akrt_bytes_two(run, weights, filters, to);
    }
}
#endif
#endif
