/* akrt_matmul_u8s8_* in registers of 256 bits: what a product needs to know, and the ways to store
 * its sums. The file that includes it defines TILE, the rows of a tile. */
#ifndef AKRT_X86_MATMUL_256_H
#define AKRT_X86_MATMUL_256_H

#define LANES 8  /* filters in a register */
#define GROUP 64 /* filters whose constants are at hand */
#define CHUNK 65 /* rows whose sums' starts are at hand */

AKRT_INLINE __m256i load(const void *from) { return _mm256_loadu_si256((const __m256i *)from); }

/* The same, once: compilers otherwise load an operand again for every use. */
AKRT_INLINE __m256i load_once(const void *from) {
    __m256i value = load(from);
    __asm__("" : "+x"(value));
    return value;
}

AKRT_INLINE void store(void *to, __m256i value) { _mm256_storeu_si256((__m256i *)to, value); }

/* The same 32 bits in every lane. */
AKRT_INLINE __m256i everywhere(const void *a) {
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm256_set1_epi32(four);
}

/* One instruction and no more: compilers copy accumulators around the intrinsics. */
AKRT_INLINE void add_s16(__m256i *sum, __m256i more) {
    __asm__("vpaddw %1, %0, %0" : "+x"(*sum) : "x"(more));
}

AKRT_INLINE void add_s32(__m256i *sum, __m256i more) {
    __asm__("vpaddd %1, %0, %0" : "+x"(*sum) : "x"(more));
}

/* A product with one group of filters, whose constants are filled up with zeros to whole
 * registers. */
typedef struct job {
    const uint8_t *a;
    const akrt_product *product;
    const akrt_scale *scale;             /* NULL, or how to make activations */
    const akrt_short_scale *short_scale; /* likewise; both NULL: the result is potentials */
    void *out;
    int32_t first;              /* of the filters */
    int32_t base;               /* of the chunk's rows */
    const int32_t *from[CHUNK]; /* where the sums of each of them start */
    int32_t start[GROUP], top[GROUP], mul[GROUP], add[GROUP], fine[GROUP];
    int16_t factor[2 * GROUP];         /* twice each */
    uint16_t short_mul[GROUP + LANES]; /* two registers are read for one block too */
#ifdef AKRT_SCALED_OUTPUTS
    const akrt_scaled *scaled;
    int32_t low[GROUP], shift[GROUP]; /* its `high` is in `top` */
#endif
} job;

AKRT_INLINE __m256i activation(const job *j, __m256i potential, int32_t f) {
    const __m256i low = _mm256_max_epi32(potential, _mm256_setzero_si256());
    const __m256i v = _mm256_min_epi32(low, load(j->top + f));
    __m256i sum = _mm256_add_epi32(_mm256_mullo_epi32(v, load(j->mul + f)), load(j->add + f));
    if (j->scale->fine != NULL) {
        const __m256i more = _mm256_mullo_epi32(v, load(j->fine + f));
        sum = _mm256_add_epi32(sum, _mm256_srli_epi32(more, AKRT_FINE_SHIFT));
    }
    return _mm256_srl_epi32(sum, _mm_cvtsi32_si128((int)j->scale->shift));
}

AKRT_INLINE void store_bytes(uint8_t *out, __m128i bytes, const int blocks, int32_t last) {
    if (last < LANES) {
        uint8_t kept[2 * LANES];
        _mm_storeu_si128((__m128i *)(void *)kept, bytes);
        memcpy(out, kept, (size_t)((blocks - 1) * LANES + last));
    } else if (blocks == 2) {
        _mm_storeu_si128((__m128i *)(void *)out, bytes);
    } else {
        _mm_storel_epi64((__m128i *)(void *)out, bytes);
    }
}

/* Activations, as _mm256_packus_epi32 leaves those of each row. */
AKRT_INLINE void store_words(uint8_t *out, size_t stride, const __m256i words[TILE], const int rows,
                             const int blocks, int32_t last) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    UNROLL
    for (int r = 0; r < rows; r += 2, out += 2 * stride) {
        const __m256i both = _mm256_packus_epi16(words[r], words[r + 1 < rows ? r + 1 : r]);
        const __m256i sorted = _mm256_permutevar8x32_epi32(both, order);
        store_bytes(out, _mm256_castsi256_si128(sorted), blocks, last);
        if (r + 1 < rows) {
            store_bytes(out + stride, _mm256_extracti128_si256(sorted, 1), blocks, last);
        }
    }
}

AKRT_INLINE void store_activations(const job *j, uint8_t *out, int32_t f, __m256i sum[TILE][2],
                                   const int rows, const int blocks, int32_t last) {
    __m256i words[TILE];
    UNROLL
    for (int r = 0; r < rows; r++) {
        const __m256i first = activation(j, sum[r][0], f);
        const __m256i second = blocks == 2 ? activation(j, sum[r][1], f + LANES) : first;
        words[r] = _mm256_packus_epi32(first, second);
    }
    store_words(out, (size_t)j->product->filters, words, rows, blocks, last);
}

/* The same for sums that are scaled to 16 bits. */
AKRT_INLINE void store_short(const job *j, uint8_t *out, int32_t f, __m256i sum[TILE][2],
                             const int rows, const int blocks, int32_t last) {
    const __m128i shift = _mm_cvtsi32_si128((int)j->short_scale->shift);
    const __m256i top = _mm256_set1_epi16(j->short_scale->top);
    /* in the order that packing gives */
    const __m256i mul = _mm256_permute4x64_epi64(load(j->short_mul + f), 0xD8);
    __m256i words[TILE];
    UNROLL
    for (int r = 0; r < rows; r++) {
        const __m256i v = _mm256_packus_epi32(sum[r][0], sum[r][blocks - 1]);
        words[r] = _mm256_min_epu16(_mm256_srl_epi16(_mm256_mulhi_epu16(v, mul), shift), top);
    }
    store_words(out, (size_t)j->product->filters, words, rows, blocks, last);
}

AKRT_INLINE void store_potentials(const job *j, int32_t *out, __m256i sum[TILE][2], const int rows,
                                  const int blocks, int32_t last) {
    UNROLL
    for (int r = 0; r < rows; r++, out += j->product->filters) {
        UNROLL
        for (int b = 0; b < blocks; b++) {
            if (b + 1 < blocks || last == LANES) {
                store(out + b * LANES, sum[r][b]);
            } else {
                int32_t kept[LANES];
                store(kept, sum[r][b]);
                memcpy(out + b * LANES, kept, (size_t)last * sizeof *out);
            }
        }
    }
}

#ifdef AKRT_SCALED_OUTPUTS
/* The same for outputs of Akida 2.0. */
AKRT_INLINE void store_scaled(const job *j, uint8_t *out, int32_t f, __m256i sum[TILE][2],
                              const int rows, const int blocks, int32_t last) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i least = _mm256_set1_epi16((short)j->scaled->least);
    const __m256i most = _mm256_set1_epi16((short)j->scaled->most);
    const size_t stride = (size_t)j->product->filters;
    UNROLL
    for (int b = 0; b < blocks; b++) {
        const int32_t at = f + b * LANES;
        UNROLL
        for (int r = 0; r < rows; r++) {
            const __m256i above = _mm256_max_epi32(sum[r][b], load(j->low + at));
            const __m256i v = _mm256_min_epi32(above, load(j->top + at));
            const __m256i y =
                _mm256_add_epi32(_mm256_mullo_epi32(v, load(j->mul + at)), load(j->add + at));
            sum[r][b] = _mm256_srav_epi32(y, load(j->shift + at));
        }
    }
    UNROLL
    for (int r = 0; r < rows; r += 2, out += 2 * stride) {
        const int next = r + 1 < rows ? r + 1 : r;
        __m256i words[2];
        words[0] = _mm256_packs_epi32(sum[r][0], sum[r][blocks - 1]);
        words[1] = _mm256_packs_epi32(sum[next][0], sum[next][blocks - 1]);
        UNROLL
        for (int n = 0; n < 2; n++) {
            words[n] = _mm256_min_epi16(_mm256_max_epi16(words[n], least), most);
        }
        const __m256i sorted =
            _mm256_permutevar8x32_epi32(_mm256_packs_epi16(words[0], words[1]), order);
        store_bytes(out, _mm256_castsi256_si128(sorted), blocks, last);
        if (r + 1 < rows) {
            store_bytes(out + stride, _mm256_extracti128_si256(sorted, 1), blocks, last);
        }
    }
}
#endif

AKRT_INLINE void store_sums(const job *j, int32_t row, int32_t f, __m256i sum[TILE][2],
                            const int rows, const int blocks, int32_t last) {
    const size_t at = (size_t)row * (size_t)j->product->filters + (size_t)(j->first + f);
#ifdef AKRT_SCALED_OUTPUTS /* compiled apart: each has the registers for itself */
    store_scaled(j, (uint8_t *)j->out + at, f, sum, rows, blocks, last);
#else
    if (j->short_scale != NULL) {
        store_short(j, (uint8_t *)j->out + at, f, sum, rows, blocks, last);
    } else if (j->scale != NULL) {
        store_activations(j, (uint8_t *)j->out + at, f, sum, rows, blocks, last);
    } else {
        store_potentials(j, (int32_t *)j->out + at, sum, rows, blocks, last);
    }
#endif
}

/* Of the file that includes this: rows x blocks registers of sums from the filter f of the group
 * on; `last` filters of the last block exist. */
AKRT_INLINE void tile(const job *j, int32_t row, int32_t f, const int rows, const int blocks,
                      int32_t last);

AKRT_INLINE void some_rows(const job *j, int32_t row, int32_t filters, const int rows) {
    int32_t f = 0;
    for (; f + 2 * LANES <= filters; f += 2 * LANES) {
        tile(j, row, f, rows, 2, LANES);
    }
    if (f + LANES < filters) {
        tile(j, row, f, rows, 2, filters - f - LANES);
    } else if (f < filters) {
        tile(j, row, f, rows, 1, filters - f);
    }
}

#endif
