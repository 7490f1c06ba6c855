/* akrt_matmul_u8s8_* for every arm architecture. The file that includes it defines
 *   DOT(sum, w, x): sum[f] += the four weights w of filter f by the four operands of x, signed
 *   bytes, for four filters;
 *   DOT_LANE(sum, w, x, lane): the same with the operands 4 * lane .. 4 * lane + 3 for all. */
#include "arm/akrt_matmul_s16s16.tmpl.h"

#define MOST_ROWS 8

/* One block of filters, `kept` of which exist, the rest zero. */
typedef struct block {
    const int8_t *weights;       /* (depth / 4, BLOCK, 4) */
    const int16_t *rest_weights; /* (depth / 2, BLOCK, 2) */
    int32_t depth, kept;
    int coarse; /* remainders are multiples of 256 */
    int32x4_t start[2];
} block;

/* Operands as signed bytes; those that need all eight bits less 128. */
AKRT_INLINE int8x16_t operands(uint8x16_t a, const int wide) {
    return vreinterpretq_s8_u8(wide ? veorq_u8(a, vdupq_n_u8(128)) : a);
}

AKRT_INLINE void add_bytes(const block *b, const uint8_t *a, const int rows, const int wide,
                           int32x4_t sums[][2]) {
    const size_t depth = (size_t)b->depth;
    const int8_t *w = b->weights;
    size_t k = 0;
    for (; k + 16 <= depth; k += 16, w += 16 * BLOCK) {
        int8x16_t x[MOST_ROWS];
        for (int r = 0; r < rows; r++) {
            x[r] = operands(vld1q_u8(a + (size_t)r * depth + k), wide);
        }
#define GROUP(lane)                                                                                \
    for (int half = 0; half < 2; half++) {                                                         \
        const int8x16_t four = vld1q_s8(w + 32 * lane + 16 * half);                                \
        for (int r = 0; r < rows; r++) {                                                           \
            DOT_LANE(sums[r][half], four, x[r], lane);                                             \
        }                                                                                          \
    }
        GROUP(0)
        GROUP(1)
        GROUP(2)
        GROUP(3)
#undef GROUP
    }
    for (; k < depth; k += 4, w += 4 * BLOCK) {
        for (int r = 0; r < rows; r++) {
            uint32_t four;
            memcpy(&four, a + (size_t)r * depth + k, sizeof four);
            const int8x16_t x = operands(vreinterpretq_u8_u32(vdupq_n_u32(four)), wide);
            DOT(sums[r][0], vld1q_s8(w), x);
            DOT(sums[r][1], vld1q_s8(w + 16), x);
        }
    }
}

/* sums += one row of a remainder that is a multiple of 256. */
AKRT_INLINE void add_coarse(const block *b, const int16_t *rest, int32x4_t sums[2]) {
    int32x4_t high[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
    const int8_t *w = b->weights;
    for (int32_t k = 0; k < b->depth; k += 16, w += 16 * BLOCK) {
        const int16x8_t first = vld1q_s16(rest + k);
        const int more = k + 8 < b->depth;
        const int16x8_t second = more ? vld1q_s16(rest + k + 8) : first;
        const int8x16_t x = vuzp2q_s8(vreinterpretq_s8_s16(first), vreinterpretq_s8_s16(second));
        DOT_LANE(high[0], vld1q_s8(w), x, 0);
        DOT_LANE(high[1], vld1q_s8(w + 16), x, 0);
        DOT_LANE(high[0], vld1q_s8(w + 32), x, 1);
        DOT_LANE(high[1], vld1q_s8(w + 48), x, 1);
        if (more) {
            DOT_LANE(high[0], vld1q_s8(w + 64), x, 2);
            DOT_LANE(high[1], vld1q_s8(w + 80), x, 2);
            DOT_LANE(high[0], vld1q_s8(w + 96), x, 3);
            DOT_LANE(high[1], vld1q_s8(w + 112), x, 3);
        }
    }
    sums[0] = vaddq_s32(sums[0], vshlq_n_s32(high[0], 8));
    sums[1] = vaddq_s32(sums[1], vshlq_n_s32(high[1], 8));
}

/* Potentials of `rows` rows. */
AKRT_INLINE void potentials(const block *b, const uint8_t *a, const int16_t *rest,
                            const uint32_t *spill, const int rows, const int wide,
                            int32x4_t sums[][2]) {
    for (int r = 0; r < rows; r++) {
        sums[r][0] = b->start[0];
        sums[r][1] = b->start[1];
    }
    add_bytes(b, a, rows, wide, sums);
    for (int r = 0; rest != NULL && r < rows; r++) {
        const int16_t *row = rest + (size_t)r * (size_t)b->depth;
        if (spill[r] && b->coarse) {
            add_coarse(b, row, sums[r]);
        } else if (spill[r]) {
            add_wide(row, b->rest_weights, b->depth, 1, sums + r);
        }
    }
}

/* What becomes of the sums. */
enum outcome { POTENTIALS, SCALED, SCALED_FINE, SHORT, OUTPUTS };

/* The constants of a block's activations. */
typedef struct levels {
    int32x4_t top[2];
    uint32x4_t mul[2], add[2], fine[2];
    int32x4_t shift;
    uint16x8_t short_mul, short_top;
    int16x8_t short_shift;
    scaled_constants outputs; /* of Akida 2.0 */
} levels;

AKRT_INLINE uint16x8_t scaled(const int32x4_t sums[2], const levels *l, const int has_fine) {
    uint16x4_t narrow[2];
    for (int half = 0; half < 2; half++) {
        const int32x4_t low = vmaxq_s32(sums[half], vdupq_n_s32(0));
        const uint32x4_t v = vreinterpretq_u32_s32(vminq_s32(low, l->top[half]));
        uint32x4_t y = vmlaq_u32(l->add[half], v, l->mul[half]);
        if (has_fine) {
            y = vsraq_n_u32(y, vmulq_u32(v, l->fine[half]), AKRT_FINE_SHIFT);
        }
        narrow[half] = vmovn_u32(vshlq_u32(y, l->shift));
    }
    return vcombine_u16(narrow[0], narrow[1]);
}

AKRT_INLINE uint16x8_t scaled_short(const int32x4_t sums[2], const levels *l) {
    const uint16x8_t v = vcombine_u16(vqmovun_s32(sums[0]), vqmovun_s32(sums[1]));
    const uint32x4_t low = vmull_u16(vget_low_u16(v), vget_low_u16(l->short_mul));
    const uint16x8_t high = vuzp2q_u16(vreinterpretq_u16_u32(low),
                                       vreinterpretq_u16_u32(vmull_high_u16(v, l->short_mul)));
    return vminq_u16(vshlq_u16(high, l->short_shift), l->short_top);
}

AKRT_INLINE void activate(const int32x4_t sums[2], const levels *l, const enum outcome outcome,
                          uint8_t *out, int32_t kept) {
    const uint8x8_t bytes = vmovn_u16(outcome == SHORT ? scaled_short(sums, l)
                                                       : scaled(sums, l, outcome == SCALED_FINE));
    if (kept == BLOCK) {
        vst1_u8(out, bytes);
    } else {
        uint8_t some[BLOCK];
        vst1_u8(some, bytes);
        memcpy(out, some, (size_t)kept);
    }
}

/* `kept` words of `from` and zeros. */
AKRT_INLINE void load_words(const void *from, int32_t kept, uint32x4_t to[2]) {
    uint32_t words[BLOCK] = {0};
    memcpy(words, from, (size_t)kept * sizeof *words);
    to[0] = vld1q_u32(words);
    to[1] = vld1q_u32(words + 4);
}

AKRT_INLINE void load_signed(const int32_t *from, int32_t kept, int32x4_t to[2]) {
    uint32x4_t words[2];
    load_words(from, kept, words);
    to[0] = vreinterpretq_s32_u32(words[0]);
    to[1] = vreinterpretq_s32_u32(words[1]);
}

AKRT_INLINE void load_levels(const void *scale, size_t f, int32_t kept, const enum outcome outcome,
                             levels *l) {
    if (outcome == SHORT) {
        const akrt_short_scale *s = scale;
        uint16_t mul[BLOCK] = {0};
        memcpy(mul, s->mul + f, (size_t)kept * sizeof *mul);
        l->short_mul = vld1q_u16(mul);
        l->short_shift = vdupq_n_s16((int16_t) - (int32_t)s->shift);
        l->short_top = vdupq_n_u16(s->top);
    } else if (outcome == OUTPUTS) {
        load_scaled(scale, f, kept, &l->outputs);
    } else if (outcome != POTENTIALS) {
        const akrt_scale *s = scale;
        load_signed(s->top + f, kept, l->top);
        load_words(s->mul + f, kept, l->mul);
        load_words(s->add + f, kept, l->add);
        if (outcome == SCALED_FINE) {
            load_words(s->fine + f, kept, l->fine);
        }
        l->shift = vdupq_n_s32(-(int32_t)s->shift);
    }
}

/* Rows from `r` on, `rows` at a time. */
AKRT_INLINE size_t some_rows(const block *b, const uint8_t *a, const int16_t *rest,
                             const uint32_t *spill, size_t r, size_t all, const int rows,
                             const int wide, size_t filters, const levels *l,
                             const enum outcome outcome, void *out) {
    for (; r + (size_t)rows <= all; r += (size_t)rows) {
        const size_t at = r * (size_t)b->depth;
        int32x4_t sums[MOST_ROWS][2];
        potentials(b, a + at, rest == NULL ? NULL : rest + at, rest == NULL ? NULL : spill + r,
                   rows, wide, sums);
        for (int i = 0; i < rows; i++) {
            const size_t to = (r + (size_t)i) * filters;
            if (outcome == POTENTIALS) {
                store_sums(sums[i], (int32_t *)out + to, b->kept);
            } else if (outcome == OUTPUTS) {
                store_scaled(sums[i], &l->outputs, (uint8_t *)out + to, b->kept);
            } else {
                activate(sums[i], l, outcome, (uint8_t *)out + to, b->kept);
            }
        }
    }
    return r;
}

/* Whether the remainders that spilled have no low bytes. */
static int is_coarse(const int16_t *rest, const uint32_t *spill, size_t rows, size_t depth) {
    int16x8_t any = vdupq_n_s16(0);
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; spill[r] && k < depth; k += 8) {
            any = vorrq_s16(any, vld1q_s16(rest + r * depth + k));
        }
    }
    return vmaxvq_u16(vandq_u16(vreinterpretq_u16_s16(any), vdupq_n_u16(0xFF))) == 0;
}

AKRT_INLINE void product(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                         const akrt_product *p, const void *scale, int32_t rows, void *out,
                         const int wide, const enum outcome outcome) {
    const size_t filters = (size_t)p->filters, depth = (size_t)p->depth, all = (size_t)rows;
    const int coarse = rest != NULL && is_coarse(rest, spill, all, depth);
    for (size_t f = 0; f < filters; f += BLOCK) {
        block b;
        levels l;
        b.weights = p->weights + f * depth;
        b.rest_weights = rest == NULL ? NULL : p->rest_weights + f * depth;
        b.depth = p->depth;
        b.coarse = coarse;
        b.kept = filters - f < BLOCK ? (int32_t)(filters - f) : BLOCK;
        load_signed(p->start + f, b.kept, b.start);
        if (wide) { /* 128 times every weight, which the operands lack */
            int32x4_t lack[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
            for (size_t k = 0; k < BLOCK * depth; k += 32) {
                DOT(lack[0], vld1q_s8(b.weights + k), vdupq_n_s8(1));
                DOT(lack[1], vld1q_s8(b.weights + k + 16), vdupq_n_s8(1));
            }
            b.start[0] = vaddq_s32(b.start[0], vshlq_n_s32(lack[0], 7));
            b.start[1] = vaddq_s32(b.start[1], vshlq_n_s32(lack[1], 7));
        }
        load_levels(scale, f, b.kept, outcome, &l);
        void *const to =
            outcome == POTENTIALS ? (void *)((int32_t *)out + f) : (void *)((uint8_t *)out + f);
        size_t r = some_rows(&b, a, rest, spill, 0, all, 8, wide, filters, &l, outcome, to);
        r = some_rows(&b, a, rest, spill, r, all, 4, wide, filters, &l, outcome, to);
        some_rows(&b, a, rest, spill, r, all, 1, wide, filters, &l, outcome, to);
    }
}

/* Whether an operand needs all eight bits. */
static int any_wide(const uint8_t *a, size_t n) {
    uint8x16_t any = vdupq_n_u8(0);
    uint8_t last = 0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        any = vorrq_u8(any, vld1q_u8(a + i));
    }
    for (; i < n; i++) {
        last |= a[i];
    }
    return (vmaxvq_u8(any) | last) > INT8_MAX;
}

AKRT_INLINE void narrow_or_wide(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                const akrt_product *p, const void *scale, int32_t rows, void *out,
                                const enum outcome outcome) {
    if (any_wide(a, (size_t)rows * (size_t)p->depth)) {
        product(a, rest, spill, p, scale, rows, out, 1, outcome);
    } else {
        product(a, rest, spill, p, scale, rows, out, 0, outcome);
    }
}

void AKRT_FN(akrt_matmul_u8s8_s32)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                   const akrt_product *p, int32_t rows, int32_t *out) {
    narrow_or_wide(a, rest, spill, p, NULL, rows, out, POTENTIALS);
}

void AKRT_FN(akrt_matmul_u8s8_u8)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                  const akrt_product *p, const akrt_scale *scale, int32_t rows,
                                  uint8_t *out) {
    if (scale->fine == NULL) {
        narrow_or_wide(a, rest, spill, p, scale, rows, out, SCALED);
    } else { /* good for all operands; not worth a copy of its own */
        product(a, rest, spill, p, scale, rows, out, 1, SCALED_FINE);
    }
}

void AKRT_FN(akrt_matmul_u8s8_u8_short)(const uint8_t *a, const int16_t *rest,
                                        const uint32_t *spill, const akrt_product *p,
                                        const akrt_short_scale *scale, int32_t rows, uint8_t *out) {
    narrow_or_wide(a, rest, spill, p, scale, rows, out, SHORT);
}

void AKRT_FN(akrt_matmul_u8s8_s8)(const uint8_t *a, const akrt_product *p,
                                  const akrt_scaled *scaled, int32_t rows, uint8_t *out) {
    narrow_or_wide(a, NULL, NULL, p, scaled, rows, out, OUTPUTS);
}
