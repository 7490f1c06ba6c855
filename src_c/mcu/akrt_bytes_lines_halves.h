#ifndef AKRT_BYTES_LINES_HALVES_H
#define AKRT_BYTES_LINES_HALVES_H
#include "akrt_emit.h"
#include "akrt_high_sums.h"
/* A convolution of bytes with weights of 8 bits on cores that multiply words: inputs of the windows
 * of a run are a patch, (inputs, AKRT_RUN), in the order of the weights. */
#if AKRT_HIGH_SUMS
typedef uint32_t akrt_bytes_value; /* words are loaded in multiples */
#define AKRT_BYTES_MOST 36
#else
typedef uint8_t akrt_bytes_value;
#define AKRT_BYTES_MOST 72
#endif
#define AKRT_BYTES_WORDS(inputs)                                                                   \
    (AKRT_RUN *                                                                                    \
         ((int32_t)(inputs) < AKRT_BYTES_MOST ? ((int32_t)(inputs) + 3) / 4 * 4                    \
                                              : AKRT_BYTES_MOST) *                                 \
         (int32_t)sizeof(akrt_bytes_value) / 4 +                                                   \
     1)

#define AKRT_BYTES_LINES_SCRATCH_WORDS(inputs, filters)                                            \
    (AKRT_BYTES_WORDS(inputs) + AKRT_RUN_POTENTIALS(filters))

/* Where input `k` lies in a patch. */
static inline akrt_bytes_value *akrt_bytes_row(akrt_bytes_value *patch, int32_t k) {
    return patch + AKRT_RUN * (((k + 1) & 2) != 0 ? k ^ 3 : k);
}

/* The next input of a window. */
typedef struct akrt_bytes_at {
    int32_t i, j, channel;
} akrt_bytes_at;

/* `some` channels of a tap whose positions all exist, `step` bytes apart. */
static inline void akrt_bytes_inside(const uint8_t *from, int32_t step, int32_t count, int32_t some,
                                     int32_t k, akrt_bytes_value *patch) {
    for (const int32_t end = k + some; k < end; k++) {
        const uint8_t *one = from++;
        akrt_bytes_value *to = akrt_bytes_row(patch, k);
        if (count == AKRT_RUN) {
            to[0] = *one;
            to[1] = *(one += step);
            to[2] = *(one += step);
            to[3] = *(one += step);
            to[4] = *(one += step);
            to[5] = *(one += step);
        } else {
            for (int32_t p = 0; p < count; p++) {
                to[p] = one[p * step];
            }
        }
    }
}

/* The same of a tap from `v` on some of whose positions do not exist; `line` begins with the first
 * of the channels, and has `width` positions. */
static void akrt_bytes_edge(const akrt_mcu_window *w, const uint8_t *line, int32_t width,
                            uint8_t border, int32_t v, int32_t count, int32_t some, int32_t k,
                            akrt_bytes_value *patch) {
    const int32_t stride = w->stride_y, step = stride * w->channels;
    for (int32_t c = 0; c < some; c++) {
        akrt_bytes_value *to = akrt_bytes_row(patch, k + c), *const end = to + count;
        int32_t here = v, at = v * w->channels + c;
        while (to != end && here < 0) {
            *to++ = border;
            here += stride;
            at += step;
        }
        while (to != end && here < width) {
            *to++ = line[at];
            here += stride;
            at += step;
        }
        while (to != end) {
            *to++ = border;
        }
    }
}

/* The next `inputs` inputs of the windows of a run, filled up with zeros to a multiple of 4. */
static void akrt_bytes_patch(const akrt_mcu_window *w, const void *const *lines, uint8_t border,
                             int32_t y, int32_t count, int32_t inputs, akrt_bytes_at *at,
                             akrt_bytes_value *patch) {
    int32_t k = 0;
    while (k < inputs) {
        const uint8_t *const line = (const uint8_t *)lines[at->i];
        const int32_t left = w->channels - at->channel, stride = w->stride_y;
        const int32_t some = left < inputs - k ? left : inputs - k;
        const int32_t v = y * stride - w->pad_y + at->j;
        if (line != NULL && v >= 0 && v + (count - 1) * stride < w->in_y) {
            akrt_bytes_inside(line + v * w->channels + at->channel, stride * w->channels, count,
                              some, k, patch);
        } else {
            akrt_bytes_edge(w, line == NULL ? line : line + at->channel, line == NULL ? 0 : w->in_y,
                            border, v, count, some, k, patch);
        }
        k += some;
        at->channel += some;
        if (at->channel == w->channels) {
            at->channel = 0;
            if (++at->j == w->size_y) {
                at->j = 0;
                at->i++;
            }
        }
    }
    for (; (k & 3) != 0; k++) {
        for (int32_t p = 0; p < AKRT_RUN; p++) {
            akrt_bytes_row(patch, k)[p] = 0;
        }
    }
}

/* Weights of a filter up to the last of `inputs`: of the last quad the third comes second. */
static inline int32_t akrt_bytes_used(int32_t inputs) {
    return (inputs & 3) == 2 ? inputs + 1 : inputs;
}

/* Potentials of one filter or two, whose weights are `step` apart, at six positions or five: the
 * products, added to what is there or, where `set`, not. Those of a position lie `filters` behind
 * those of the one before. */
#if AKRT_HIGH_SUMS
#define AKRT_BYTES_GET(sum) "ldr r3, [r4]\n\tmov " sum ", r3\n\tadds r4, r5\n\t"
#define AKRT_BYTES_PUT(sum) "mov r3, " sum "\n\tstr r3, [r4]\n\tadds r4, r5\n\t"
#define AKRT_BYTES_EACH_FIVE(do)                                                                   \
    do                                                                                             \
    ("r8") do("r9") do("r10") do("r11") do("r12")
#define AKRT_BYTES_EACH_SIX(do) AKRT_BYTES_EACH_FIVE(do) do("lr")
#define AKRT_BYTES_INPUT(input) "ldrsb r3, [r1, r2]\n\t" input "adds r2, #1\n\t"
#define AKRT_BYTES_PRODUCTS(name, input, each)                                                     \
    __attribute__((noinline)) static void name(const akrt_bytes_value *patch,                      \
                                               const int8_t *weights, int32_t step, int32_t used,  \
                                               int32_t filters, int set, int32_t *potentials) {    \
        register const akrt_bytes_value *a __asm__("r0") = patch;                                  \
        register const int8_t *w __asm__("r1") = weights;                                          \
        register int32_t n __asm__("r2") = used;                                                   \
        register int32_t fresh __asm__("r3") = set;                                                \
        register int32_t *to __asm__("r4") = potentials;                                           \
        register int32_t next __asm__("r5") = 4 * filters;                                         \
        (void)step;                                                                                \
        __asm__ volatile(                                                                          \
            ".syntax unified\n\t"                                                                  \
            "push {r2, r4, r5, r7}\n\t"                                                            \
            "movs r7, #3\n\t"                                                                      \
            "bics r2, r7\n\t"                                                                      \
            "movs r7, r2\n\t"                                                                      \
            "movs r2, #0\n\t"                                                                      \
            "cmp r3, #0\n\t"                                                                       \
            "beq 1f\n\t"                                                                           \
            "movs r4, #0\n\t" AKRT_HIGH_CLEAR "b 2f\n\t"                                           \
            "1:\n\t" each(                                                                         \
                AKRT_BYTES_GET) "2:\n\t"                                                           \
                                "cmp r2, r7\n\t"                                                   \
                                "beq 4f\n\t"                                                       \
                                "3:\n\t" AKRT_BYTES_INPUT(input) AKRT_BYTES_INPUT(input)           \
                                    AKRT_BYTES_INPUT(input) AKRT_BYTES_INPUT(                      \
                                        input) "cmp r2, r7\n\t"                                    \
                                               "bne 3b\n\t"                                        \
                                               "4:\n\t"                                            \
                                               "ldr r7, [sp]\n\t"                                  \
                                               "b 6f\n\t"                                          \
                                               "5:\n\t" AKRT_BYTES_INPUT(                          \
                                                   input) "6:\n\t"                                 \
                                                          "cmp r2, r7\n\t"                         \
                                                          "bne 5b\n\t"                             \
                                                          "pop {r2, r4, r5, r7}\n\t" each(         \
                                                              AKRT_BYTES_PUT)                      \
            : "+r"(a), "+r"(w), "+r"(n), "+r"(fresh), "+r"(to), "+r"(next)                         \
            :                                                                                      \
            : "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");                        \
    }
AKRT_BYTES_PRODUCTS(akrt_bytes_six, AKRT_HIGH_SIX, AKRT_BYTES_EACH_SIX)
AKRT_BYTES_PRODUCTS(akrt_bytes_five, AKRT_HIGH_FIVE, AKRT_BYTES_EACH_FIVE)
#undef AKRT_BYTES_GET
#undef AKRT_BYTES_PUT
#undef AKRT_BYTES_EACH_FIVE
#undef AKRT_BYTES_EACH_SIX
#undef AKRT_BYTES_INPUT
#else
#define AKRT_BYTES_INPUT(k)                                                                        \
    do {                                                                                           \
        const uint32_t u = (uint32_t)(int32_t)weights[k];                                          \
        const uint32_t v = (uint32_t)(int32_t)weights[step + (k)];                                 \
        AKRT_HALVES_ADD(0, a[0]);                                                                  \
        AKRT_HALVES_ADD(1, a[1]);                                                                  \
        AKRT_HALVES_ADD(2, a[2]);                                                                  \
        AKRT_HALVES_ADD(3, a[3]);                                                                  \
        AKRT_HALVES_ADD(4, a[4]);                                                                  \
        if (positions > 5) {                                                                       \
            AKRT_HALVES_ADD(5, a[5]);                                                              \
        }                                                                                          \
        a += AKRT_RUN;                                                                             \
        (void)v;                                                                                   \
    } while (0)
/* The second of two filters may be none. */
#define AKRT_BYTES_PUT(p)                                                                          \
    do {                                                                                           \
        to[0] = (int32_t)(s##p + (set ? 0u : (uint32_t)to[0]));                                    \
        if (AKRT_HALVES_PAIRS > 1) {                                                               \
            to[1] = (int32_t)(t##p + (set ? 0u : (uint32_t)to[1]));                                \
        }                                                                                          \
        to += filters;                                                                             \
    } while (0)
#define AKRT_BYTES_PRODUCTS(name, many)                                                            \
    AKRT_IN_ORDER static void name(const akrt_bytes_value *a, const int8_t *weights, int32_t step, \
                                   int32_t used, int32_t filters, int set, int32_t *to) {          \
        const int8_t *const end = weights + used, *const pairs = weights + (used & ~1);            \
        const int32_t positions = many;                                                            \
        uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0;                                   \
        uint32_t t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0, t5 = 0;                                   \
        while (weights != pairs) {                                                                 \
            AKRT_BYTES_INPUT(0);                                                                   \
            AKRT_BYTES_INPUT(1);                                                                   \
            weights += 2;                                                                          \
        }                                                                                          \
        if (weights != end) {                                                                      \
            AKRT_BYTES_INPUT(0);                                                                   \
        }                                                                                          \
        AKRT_BYTES_PUT(0);                                                                         \
        AKRT_BYTES_PUT(1);                                                                         \
        AKRT_BYTES_PUT(2);                                                                         \
        AKRT_BYTES_PUT(3);                                                                         \
        AKRT_BYTES_PUT(4);                                                                         \
        if (positions > 5) {                                                                       \
            AKRT_BYTES_PUT(5);                                                                     \
        }                                                                                          \
        (void)t0;                                                                                  \
        (void)t1;                                                                                  \
        (void)t2;                                                                                  \
        (void)t3;                                                                                  \
        (void)t4;                                                                                  \
        (void)t5;                                                                                  \
    }
AKRT_BYTES_PRODUCTS(akrt_bytes_six, 6)
AKRT_BYTES_PRODUCTS(akrt_bytes_five, 5)
#undef AKRT_BYTES_INPUT
#undef AKRT_BYTES_PUT
#endif
#undef AKRT_BYTES_PRODUCTS

AKRT_LAYER static void akrt_bytes_lines(const akrt_mcu_layer *layer, const void *const *lines,
                                        void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t filters = AKRT_RUN_FILTERS(layer->filters), run = akrt_run_length(w->out_y);
    const int32_t inputs = w->size_x * w->size_y * w->channels, all = (inputs + 3) & ~3;
    akrt_bytes_value *const patch = (akrt_bytes_value *)scratch;
    int32_t *const potentials = scratch + AKRT_BYTES_WORDS(inputs);
    int32_t done = 0;
    for (int32_t y = 0; y < w->out_y; y += run) {
        const int32_t count = w->out_y - y < run ? w->out_y - y : run;
        akrt_bytes_at at = {0, 0, 0};
        for (int32_t first = 0; first < inputs; first += AKRT_BYTES_MOST) {
            const int32_t left = inputs - first;
            const int32_t some = left < AKRT_BYTES_MOST ? left : AKRT_BYTES_MOST;
            const int8_t *weights = (const int8_t *)layer->weights + first;
            akrt_bytes_patch(w, lines, (uint8_t)layer->border, y, count, some, &at, patch);
            for (int32_t f = 0; f < layer->filters; f += AKRT_HALVES_PAIRS) {
                const int32_t step = f + 1 < layer->filters ? all : 0;
                if (count > 5) {
                    akrt_bytes_six(patch, weights, step, akrt_bytes_used(some), filters, first == 0,
                                   potentials + f);
                } else {
                    akrt_bytes_five(patch, weights, step, akrt_bytes_used(some), filters,
                                    first == 0, potentials + f);
                }
                weights += AKRT_HALVES_PAIRS * all;
                AKRT_TICK_WORK(done, AKRT_HALVES_PAIRS * some);
            }
        }
        akrt_emit(layer, potentials, filters, 0, layer->filters, y, count, target);
        AKRT_TICK();
    }
}
#endif
