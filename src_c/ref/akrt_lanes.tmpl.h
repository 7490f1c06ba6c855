/* Sums of products in lanes of 16 bits, one lane a filter, for kernels with an akrt_lanes.
 *
 * A fixed number of sums stays in registers, and compilers make the loops over them a few vector
 * instructions: those with eight lanes of 16 bits are on the oldest 64-bit x86. */
#ifndef AKRT_LANES_INC
#define AKRT_LANES_INC

#define LANE_CHUNK 64 /* inputs at a time */
#define VECTOR 8      /* lanes */

/* Before a loop over one vector: GCC would unroll it first and then search for a vector in it. And
 * before the loop over inputs, whose own counting is worth unrolling. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8
#define ONE_VECTOR _Pragma("GCC unroll 1")
#define FOUR_INPUTS _Pragma("GCC unroll 4")
#else
#define ONE_VECTOR
#define FOUR_INPUTS
#endif

static size_t lane_width(int32_t filters) { return ((size_t)filters + 15) / 16 * 16; }

/* Each value in all lanes of a vector: loading it takes less time than filling it on the way. */
static void repeat(const int16_t *AKRT_RESTRICT values, size_t count,
                   int16_t *AKRT_RESTRICT vectors) {
    for (size_t k = 0; k < count; k++) {
        vectors[VECTOR * k] = values[k];
        vectors[VECTOR * k + 1] = values[k];
        vectors[VECTOR * k + 2] = values[k];
        vectors[VECTOR * k + 3] = values[k];
        vectors[VECTOR * k + 4] = values[k];
        vectors[VECTOR * k + 5] = values[k];
        vectors[VECTOR * k + 6] = values[k];
        vectors[VECTOR * k + 7] = values[k];
    }
}

/* name(values, count, weights, width, from, sums): `from` plus the products of up to LANE_CHUNK
 * inputs, `lanes` sums. What follows the values, up to a multiple of 8, is read. */
#define ADD_LANES(name, lanes)                                                                     \
    static void name(const int16_t *AKRT_RESTRICT values, int32_t count,                           \
                     const int16_t *AKRT_RESTRICT weights, size_t width, const int16_t *from,      \
                     int16_t *sums) {                                                              \
        int16_t vectors[LANE_CHUNK * VECTOR], sum[lanes];                                          \
        const int16_t *const end = vectors + (size_t)count * VECTOR;                               \
        size_t at = 0;                                                                             \
        repeat(values, ((size_t)count + 7) / 8 * 8, vectors);                                      \
        for (size_t f = 0; f < (lanes); f++) {                                                     \
            sum[f] = from[f];                                                                      \
        }                                                                                          \
        FOUR_INPUTS                                                                                \
        for (const int16_t *value = vectors; value < end; value += VECTOR, at += width) {          \
            const int16_t *AKRT_RESTRICT w = weights + at;                                         \
            for (size_t f = 0; f < (lanes); f += VECTOR) {                                         \
                ONE_VECTOR                                                                         \
                for (size_t i = 0; i < VECTOR; i++) {                                              \
                    sum[f + i] = (int16_t)(sum[f + i] + value[i] * w[f + i]);                      \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        for (size_t f = 0; f < (lanes); f++) {                                                     \
            sums[f] = sum[f];                                                                      \
        }                                                                                          \
    }
ADD_LANES(add_lanes_64, 64)
ADD_LANES(add_lanes_16, 16)
#undef ADD_LANES

#endif
