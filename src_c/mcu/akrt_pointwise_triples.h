#ifndef AKRT_POINTWISE_TRIPLES_H
#define AKRT_POINTWISE_TRIPLES_H
#include "akrt_emit.h"
#include "akrt_runs.h"
#include "akrt_unpack_triples.h"
#if AKRT_DSP
/* Pointwise products by SMLAD: three filters to two products (akrt_unpack_triples.h), three
 * positions or two at once. */
#define AKRT_TRIPLE_FILTERS                                                                        \
    24 /* whose potentials are held: words of eight filters, and triples                           \
        */

/* Depthwise results of a run: (pairs of channels, positions) words of two channels, of the first
 * two or three positions, then of the others. */
typedef struct akrt_triple_mid {
    uint32_t *mid;
    int32_t pairs;               /* of channels, a multiple of 4 */
    int32_t first, second;       /* positions: 2 or 3, and 0, 2 or 3 */
    int32_t start[2 * AKRT_RUN]; /* sums of all channels, then where products start */
} akrt_triple_mid;

static inline void akrt_triple_run(akrt_triple_mid *m, int32_t count) {
    m->first = count == 3 || count > 4 ? 3 : 2;
    m->second = count <= 3 ? 0 : count == 6 ? 3 : 2;
    for (int32_t p = 0; p < AKRT_RUN; p++) {
        m->start[p] = 0;
    }
}

/* Stores depthwise results of octet `octet` of channels, (8, AKRT_RUN / 2): two positions to a
 * word, the first + 2^15 in the low half, the second in the high one. */
AKRT_IN_ORDER static void akrt_triple_store(akrt_triple_mid *m, int32_t octet,
                                            const uint32_t *both) {
    const int32_t positions = m->first + m->second;
    uint32_t *group = m->mid + 4 * octet * m->first;
    int32_t step = m->first;
    for (int32_t p = 0; p < positions; p++) {
        int32_t sum = m->start[p];
        uint32_t *to;
        if (p == m->first) {
            step = m->second;
            group = m->mid + m->first * (m->pairs - 1) + 4 * octet * step;
        }
        to = group + p;
#define AKRT_TRIPLE_PAIR(k, both_halves)                                                           \
    do {                                                                                           \
        const uint32_t a = both[AKRT_RUN * (k)], b = both[AKRT_RUN * (k) + AKRT_RUN / 2];          \
        const uint32_t pair = both_halves;                                                         \
        sum = akrt_smlad(pair, 0x00010001u, sum);                                                  \
        *to = pair;                                                                                \
        to += step;                                                                                \
    } while (0)
#define AKRT_TRIPLE_PAIRS(both_halves)                                                             \
    AKRT_TRIPLE_PAIR(0, both_halves);                                                              \
    AKRT_TRIPLE_PAIR(1, both_halves);                                                              \
    AKRT_TRIPLE_PAIR(2, both_halves);                                                              \
    AKRT_TRIPLE_PAIR(3, both_halves)
        if ((p & 1) == 0) {
            AKRT_TRIPLE_PAIRS(akrt_pack_low(a, b) ^ 0x80008000u);
        } else {
            AKRT_TRIPLE_PAIRS(akrt_pack_high(a, b));
            both++;
        }
#undef AKRT_TRIPLE_PAIR
#undef AKRT_TRIPLE_PAIRS
        m->start[p] = sum;
    }
}

/* Sums of channels to where products start: by group of positions, those of a, those of b. */
static void akrt_triple_begin(akrt_triple_mid *m) {
    int32_t sums[AKRT_RUN];
    memcpy(sums, m->start, sizeof sums);
    for (int32_t p = 0; p < m->first + m->second; p++) {
        const int32_t late = p >= m->first;
        int32_t *const start = m->start + (late ? m->first : 0) + p;
        start[0] = sums[p] * (-8 * 257);
        start[late ? m->second : m->first] = sums[p] * -8;
    }
}

/* Potentials of three filters over all pairs of channels, those of positions AKRT_TRIPLE_FILTERS
 * apart: a = S0 + S1 * 2^8 and b = S1 + S2 * 2^12, from where they start. The low bits of b give
 * those of S1, which leave floor(S0 / 2^8) modulo 2^12: enough, for |S0| is below 2^19. All
 * registers are taken: r7, which may be the frame's, is put back. */
#define AKRT_TRIPLE_POSITION(a, b)                                                                 \
    "rsb r6, " b ", " a ", asr #8\n\t"                                                             \
    "sbfx r6, r6, #0, #12\n\t"                                                                     \
    "rsb r4, r6, " a ", asr #8\n\t"                                                                \
    "sub r3, " a ", r4, lsl #8\n\t"                                                                \
    "sub r5, " b ", r4\n\t"                                                                        \
    "asr r5, r5, #12\n\t"                                                                          \
    "stmia r1, {r3, r4, r5}\n\t"                                                                   \
    "add r1, r1, #96\n\t"
#define AKRT_TRIPLE_PRODUCTS(sums, pair, positions)                                                \
    register const uint32_t *v __asm__("r0") = mid;                                                \
    register const uint32_t *w __asm__("r1") = weights;                                            \
    register const uint32_t *end __asm__("r2") = weights + 2 * pairs;                              \
    register const int32_t *from __asm__("r3") = start;                                            \
    register int32_t *out __asm__("r4") = to;                                                      \
    __asm__ volatile("push {r4, r7}\n\t"                                                           \
                     "ldmia r3, {" sums "}\n\t"                                                    \
                     "1:\n\t" pair pair pair pair "cmp r1, r2\n\t"                                 \
                     "bne 1b\n\t"                                                                  \
                     "pop {r1, r7}\n\t" positions                                                  \
                     : "+r"(v), "+r"(w), "+r"(end), "+r"(from), "+r"(out)                          \
                     :                                                                             \
                     : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")
__attribute__((noinline)) static void akrt_triple_three(const uint32_t *mid,
                                                        const uint32_t *weights, int32_t pairs,
                                                        const int32_t *start, int32_t *to) {
    AKRT_TRIPLE_PRODUCTS("r8, r9, r10, r11, r12, lr",
                         "ldmia r1!, {r3, r4}\n\t"
                         "ldmia r0!, {r5, r6, r7}\n\t"
                         "smlad r8, r3, r5, r8\n\t"
                         "smlad r9, r3, r6, r9\n\t"
                         "smlad r10, r3, r7, r10\n\t"
                         "smlad r11, r4, r5, r11\n\t"
                         "smlad r12, r4, r6, r12\n\t"
                         "smlad lr, r4, r7, lr\n\t",
                         AKRT_TRIPLE_POSITION("r8", "r11") AKRT_TRIPLE_POSITION("r9", "r12")
                             AKRT_TRIPLE_POSITION("r10", "lr"));
}

__attribute__((noinline)) static void akrt_triple_two(const uint32_t *mid, const uint32_t *weights,
                                                      int32_t pairs, const int32_t *start,
                                                      int32_t *to) {
    AKRT_TRIPLE_PRODUCTS("r8, r9, r10, r11",
                         "ldmia r1!, {r3, r4}\n\t"
                         "ldmia r0!, {r5, r6}\n\t"
                         "smlad r8, r3, r5, r8\n\t"
                         "smlad r9, r3, r6, r9\n\t"
                         "smlad r10, r4, r5, r10\n\t"
                         "smlad r11, r4, r6, r11\n\t",
                         AKRT_TRIPLE_POSITION("r8", "r10") AKRT_TRIPLE_POSITION("r9", "r11"));
}
#undef AKRT_TRIPLE_POSITION
#undef AKRT_TRIPLE_PRODUCTS

/* The same where a potential leaves 20 bits. */
static void akrt_triple_apart(const uint32_t *mid, const uint32_t *weights, int32_t pairs,
                              int32_t positions, int32_t *to) {
    for (int32_t p = 0; p < positions; p++) {
        int32_t sums[3] = {0, 0, 0};
        for (int32_t k = 0; k < 2 * pairs; k++) {
            const uint32_t pair = mid[(k >> 1) * positions + p] >> 16 * (k & 1);
            const uint32_t a = weights[k & ~1] >> 16 * (k & 1);
            const uint32_t b = weights[k | 1] >> 16 * (k & 1);
            const int32_t value = (int16_t)(pair & 0xffffu);
            sums[0] += value * ((int32_t)(a & 15u) - 8);
            sums[1] += value * ((int32_t)(b & 15u) - 8);
            sums[2] += value * ((int16_t)(b & 0xf000u) >> 12);
        }
        memcpy(to, sums, sizeof sums);
        to += AKRT_TRIPLE_FILTERS;
    }
}

/* Potentials of three filters at some positions. */
static inline void akrt_triple_potentials(const uint32_t *mid, const uint32_t *weights,
                                          int32_t pairs, int32_t positions, int32_t apart,
                                          const int32_t *start, int32_t *to) {
    if (apart != 0) {
        akrt_triple_apart(mid, weights, pairs, positions, to);
    } else if (positions == 3) {
        akrt_triple_three(mid, weights, pairs, start, to);
    } else {
        akrt_triple_two(mid, weights, pairs, start, to);
    }
}

/* The first word of weights tells whether potentials leave 20 bits; then the triples of filters, as
 * akrt_unpack_triples takes them. scratch: AKRT_TRIPLE_FILTERS * AKRT_RUN potentials, and two words
 * for a pair of channels. */
static void akrt_pointwise_triples(const akrt_mcu_layer *layer, const akrt_triple_mid *m, int32_t y,
                                   int32_t count, int32_t *scratch, void *target) {
    const uint32_t *weights = (const uint32_t *)layer->weights;
    const int32_t apart = (int32_t)*weights++, words = (m->pairs >> 2) * 3;
    uint32_t *const triple = (uint32_t *)scratch + AKRT_TRIPLE_FILTERS * AKRT_RUN;
    const uint32_t *const others = m->mid + m->first * m->pairs;
    int32_t done = 0;
    for (int32_t first = 0; first < layer->filters; first += AKRT_TRIPLE_FILTERS) {
        const int32_t left = layer->filters - first;
        const int32_t some = left < AKRT_TRIPLE_FILTERS ? left : AKRT_TRIPLE_FILTERS;
        for (int32_t f = 0; f < some; f += 3) {
            AKRT_UNPACK_TRIPLES(weights, weights + words, triple, "8");
            akrt_triple_potentials(m->mid, triple, m->pairs, m->first, apart, m->start,
                                   scratch + f);
            if (m->second > 0) {
                akrt_triple_potentials(others, triple, m->pairs, m->second, apart,
                                       m->start + 2 * m->first,
                                       scratch + f + AKRT_TRIPLE_FILTERS * m->first);
            }
            weights += words;
            AKRT_TICK_WORK(done, 6 * m->pairs);
        }
        akrt_emit(layer, scratch, AKRT_TRIPLE_FILTERS, first, some, y, count, target);
    }
}
#endif
#endif
