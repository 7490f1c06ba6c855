#include "akrt/target.h"

#ifdef AKRT_X86
#include <immintrin.h>

#include "x86/target_avx512.h"

#include "akrt/kernels.h"
#include "x86/matmul_512.h"

#include <string.h>

/* One instruction and no more: compilers copy and spill accumulators around the intrinsics. */
AKRT_INLINE void dot_u8s8(__m512i *sum, __m512i a, __m512i w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(w));
}

AKRT_INLINE void dot_s16s16(__m512i *sum, __m512i a, __m512i w) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(w));
}

/* The same 32 bits in every lane. */
AKRT_INLINE __m512i everywhere(const void *a) {
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm512_set1_epi32(four);
}

/* Adds the rest of `rows` positions, pair of inputs by pair, where there is any. */
AKRT_INLINE void add_rest(const job *j, int32_t row, int32_t f, __m512i sum[MAX_ROWS][4],
                          const int rows, const int blocks) {
    const size_t depth = (size_t)j->product->depth;
    const int16_t *rest = j->rest + (size_t)row * depth;
    const int16_t *weights = j->product->rest_weights + (size_t)f * depth;
    for (size_t k = 0; k < depth; k += 2 * LANES) {
        const size_t left = (depth - k) / 2;
        const __mmask16 some = (__mmask16)(left >= LANES ? 0xFFFFu : (1u << left) - 1u);
        __m512i any = _mm512_setzero_si512();
        UNROLL
        for (int r = 0; r < rows; r++) {
            any =
                _mm512_or_si512(any, _mm512_maskz_loadu_epi32(some, rest + (size_t)r * depth + k));
        }
        uint32_t pairs = _mm512_test_epi32_mask(any, any);
        for (; pairs; pairs &= pairs - 1) {
            const size_t pair = k + 2 * (size_t)__builtin_ctz(pairs);
            __m512i w[4];
            UNROLL
            for (int b = 0; b < blocks; b++) {
                w[b] = _mm512_loadu_si512(weights + (size_t)b * LANES * depth + pair * LANES);
            }
            UNROLL
            for (int r = 0; r < rows; r++) {
                const __m512i x = everywhere(rest + (size_t)r * depth + pair);
                UNROLL
                for (int b = 0; b < blocks; b++) {
                    dot_s16s16(&sum[r][b], x, w[b]);
                }
            }
        }
    }
}

AKRT_INLINE void load_weights(__m512i w[4], const int8_t *weights, size_t depth, const int blocks) {
    UNROLL
    for (int b = 0; b < blocks; b++) {
        w[b] = _mm512_loadu_si512(weights + (size_t)b * LANES * depth);
    }
}

/* Four inputs of one row times the weights of `blocks` blocks. */
AKRT_INLINE void add(__m512i sum[4], const uint8_t *inputs, const __m512i w[4], const int blocks) {
    const __m512i x = everywhere(inputs);
    UNROLL
    for (int b = 0; b < blocks; b++) {
        dot_u8s8(&sum[b], x, w[b]);
    }
}

/* The product of rows that follow one another. */
AKRT_INLINE void add_rows(const job *j, int32_t row, const int8_t *weights,
                          __m512i sum[MAX_ROWS][4], const int rows, const int blocks) {
    const size_t depth = (size_t)j->product->depth;
    const uint8_t *a = j->a + (size_t)row * depth;
    for (size_t k = 0; k < depth; k += 4) {
        __m512i w[4];
        load_weights(w, weights + k * LANES, depth, blocks);
        UNROLL
        for (int r = 0; r < rows; r++) {
            add(sum[r], a + (size_t)r * depth + k, w, blocks);
        }
    }
}

/* The product of windows. */
AKRT_INLINE void add_windows(const job *j, int32_t row, const int8_t *weights,
                             __m512i sum[MAX_ROWS][4], const int rows, const int blocks) {
    const size_t depth = (size_t)j->product->depth;
    const akrt_window *w = j->product->window;
    const ptrdiff_t line = w->channels * w->in_y, next = w->channels * w->stride_y;
    /* from after the last window of an output row to the first of the next */
    const ptrdiff_t end = line * w->stride_x - next * w->out_y;
    int32_t y = row % w->out_y;
    const uint8_t *at[MAX_ROWS], *from = j->a + (row / w->out_y) * line * w->stride_x + y * next;
    UNROLL
    for (int r = 0; r < rows; r++) {
        at[r] = from;
        y++;
        from += next + (y == w->out_y ? end : 0);
        y = y == w->out_y ? 0 : y;
    }
    const size_t length = ((size_t)(w->size_y * w->channels) + 3) & ~(size_t)3;
    size_t first = 0;
    for (int32_t i = 0; i < w->size_x; i++, first += (size_t)line) {
        for (size_t k = first; k < first + length; k += 4, weights += 4 * LANES) {
            __m512i w4[4];
            load_weights(w4, weights, depth, blocks);
            UNROLL
            for (int r = 0; r < rows; r++) {
                add(sum[r], at[r] + k, w4, blocks);
            }
        }
    }
}

/* What is known of a job when it is compiled. */
enum { WALKS = 1, SCALES = 2 };

/* rows x blocks registers of sums; `last` masks the filters of the last block that exist. */
AKRT_INLINE void tile(const job *j, int32_t row, int32_t f, const int rows, const int blocks,
                      __mmask16 last, const int how) {
    const int8_t *weights = j->product->weights + (size_t)f * (size_t)j->product->depth;
    __m512i sum[MAX_ROWS][4];
    UNROLL
    for (int b = 0; b < blocks; b++) {
        const __mmask16 mask = b + 1 == blocks ? last : (__mmask16)0xFFFF;
        const __m512i start = _mm512_maskz_loadu_epi32(mask, j->product->start + f + b * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            sum[r][b] = start;
        }
    }
    if (how & WALKS) {
        add_windows(j, row, weights, sum, rows, blocks);
    } else {
        add_rows(j, row, weights, sum, rows, blocks);
    }
    if (how == 0 && j->rest != NULL) {
        uint32_t spilt = 0;
        UNROLL
        for (int r = 0; r < rows; r++) {
            spilt |= j->spill[row + r];
        }
        if (spilt) {
            add_rest(j, row, f, sum, rows, blocks);
        }
    }
    if (how & SCALES) {
        store_scaled(j, row, f, sum, rows, blocks, last);
    } else if (j->short_scale != NULL) {
        store_short(j, row, f, sum, rows, blocks, last);
    } else if (j->scale != NULL) {
        store_activations(j, row, f, sum, rows, blocks, last);
    } else {
        store_potentials(j, row, f, sum, rows, blocks, last);
    }
}

/* Four blocks of filters. */
AKRT_INLINE void columns4(const job *j, int32_t rows, int32_t f, __mmask16 last, const int how) {
    const int32_t fives = (6 - rows % 6) % 6; /* and then sixes, if these add up */
    int32_t r = 0;
    if (rows >= 5 * fives) {
        for (; r < 5 * fives; r += 5) {
            tile(j, r, f, 5, 4, last, how);
        }
    }
    for (; r + 6 <= rows; r += 6) {
        tile(j, r, f, 6, 4, last, how);
    }
    for (; r + 3 <= rows; r += 3) {
        tile(j, r, f, 3, 4, last, how);
    }
    for (; r < rows; r++) {
        tile(j, r, f, 1, 4, last, how);
    }
}

/* The height of a tile, of which as few as possible of `rows` rows are done twice: the last tile
 * is moved up to end with them. */
static int32_t best_height(int32_t rows) {
    static const int32_t heights[] = {12, 10, 8, 4};
    int32_t best = 1, least = INT32_MAX;
    for (size_t n = 0; n < sizeof heights / sizeof *heights; n++) {
        const int32_t height = heights[n], done = (rows + height - 1) / height * height;
        if (height <= rows && done < least) {
            best = height;
            least = done;
        }
    }
    return best;
}

/* One or two, in tiles of one height. */
AKRT_INLINE void tiles(const job *j, int32_t rows, int32_t f, const int height, const int blocks,
                       __mmask16 last, const int how) {
    for (int32_t at = 0; at < rows; at += height) {
        tile(j, at + height <= rows ? at : rows - height, f, height, blocks, last, how);
    }
}

AKRT_INLINE void columns(const job *j, int32_t rows, int32_t f, const int blocks, __mmask16 last,
                         const int how) {
    switch (best_height(rows)) {
    case 12:
        tiles(j, rows, f, 12, blocks, last, how);
        break;
    case 10:
        tiles(j, rows, f, 10, blocks, last, how);
        break;
    case 8:
        tiles(j, rows, f, 8, blocks, last, how);
        break;
    case 4:
        tiles(j, rows, f, 4, blocks, last, how);
        break;
    default:
        tiles(j, rows, f, 1, blocks, last, how);
    }
}

AKRT_INLINE void multiply(const job *j, int32_t rows, const int how) {
    const int32_t filters = j->product->filters;
    int32_t f = 0;
    while (f < filters) {
        const int32_t left = filters - f;
        const int32_t there = (left + LANES - 1) / LANES;
        const int32_t blocks = there >= 4 ? 4 : there >= 2 ? 2 : 1;
        const int32_t tail = left - (blocks - 1) * LANES;
        const __mmask16 last = (__mmask16)(tail >= LANES ? 0xFFFFu : (1u << tail) - 1u);
        if (blocks == 4) {
            columns4(j, rows, f, last, how);
        } else if (blocks == 2) {
            columns(j, rows, f, 2, last, how);
        } else {
            columns(j, rows, f, 1, last, how);
        }
        f += blocks * LANES;
    }
}

static void multiply_rows(const job *j, int32_t rows) { multiply(j, rows, 0); }

static void multiply_windows(const job *j, int32_t rows) { multiply(j, rows, WALKS); }

static void scale_rows(const job *j, int32_t rows) { multiply(j, rows, SCALES); }

static void scale_windows(const job *j, int32_t rows) { multiply(j, rows, WALKS | SCALES); }

static void run(const job *j, int32_t rows) {
    if (j->scaled != NULL) {
        (j->product->window != NULL ? scale_windows : scale_rows)(j, rows);
    } else if (j->product->window != NULL) {
        multiply_windows(j, rows);
    } else {
        multiply_rows(j, rows);
    }
}

void AKRT_FN(akrt_matmul_u8s8_s32)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                   const akrt_product *product, int32_t rows, int32_t *out) {
    const job j = {a, rest, spill, product, NULL, NULL, NULL, out};
    run(&j, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                  const akrt_product *product, const akrt_scale *scale,
                                  int32_t rows, uint8_t *out) {
    const job j = {a, rest, spill, product, scale, NULL, NULL, out};
    run(&j, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8_short)(const uint8_t *a, const int16_t *rest,
                                        const uint32_t *spill, const akrt_product *product,
                                        const akrt_short_scale *scale, int32_t rows, uint8_t *out) {
    const job j = {a, rest, spill, product, NULL, scale, NULL, out};
    run(&j, rows);
}

void AKRT_FN(akrt_matmul_u8s8_s8)(const uint8_t *a, const akrt_product *product,
                                  const akrt_scaled *scaled, int32_t rows, uint8_t *out) {
    const job j = {a, NULL, NULL, product, NULL, NULL, scaled, out};
    run(&j, rows);
}

#include "x86/target_end.h"
#endif
