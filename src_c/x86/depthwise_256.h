/* akrt_dwconv_u8s8_u8 in registers of 256 bits: how 32 channels of a position are loaded and
 * stored. */
#ifndef AKRT_X86_DEPTHWISE_256_H
#define AKRT_X86_DEPTHWISE_256_H

#define GROUP 32 /* channels of a step: a register of bytes, two of sums */

AKRT_INLINE __m256i load(const void *from) { return _mm256_loadu_si256((const __m256i *)from); }

AKRT_INLINE void store(void *to, __m256i value) { _mm256_storeu_si256((__m256i *)to, value); }

/* The first `n` of 32 bytes; what follows is zero, or anything if it can be read. */
AKRT_INLINE __m256i load_some(const void *from, size_t n, const uint8_t *end) {
    if (n >= GROUP || (const uint8_t *)from + GROUP <= end) {
        return load(from);
    }
    uint8_t some[GROUP] = {0};
    memcpy(some, from, n);
    return load(some);
}

/* Where the positions of a row go; `n` of the 32 channels exist, and `upper` masks what a byte does
 * not hold of their sums. */
typedef struct target {
    uint8_t *low;
    int16_t *rest;
    uint32_t *spill;
    size_t depth, n;
    int first; /* of the channel groups: it sets `spill`, the others add to it */
    __m256i upper[2];
} target;

AKRT_INLINE __m128i load16(const void *from) { return _mm_loadu_si128((const __m128i *)from); }

AKRT_INLINE void store16(void *to, __m128i value) { _mm_storeu_si128((__m128i *)to, value); }

/* The 16-bit sums of 32 channels of one position, as packing wants them: those of channels 0-7 and
 * 16-23, 8-15 and 24-31. Returns whether bytes do not hold them all. */
AKRT_INLINE uint32_t store_whole(uint8_t *low, int16_t *rest, const __m256i sum[2]) {
    const __m256i high = _mm256_set1_epi16((short)0xFF00);
    const __m256i r0 = _mm256_and_si256(sum[0], high), r1 = _mm256_and_si256(sum[1], high);
    store(low, _mm256_packus_epi16(_mm256_xor_si256(r0, sum[0]), _mm256_xor_si256(r1, sum[1])));
    store16(rest, _mm256_castsi256_si128(r0));
    store16(rest + 8, _mm256_castsi256_si128(r1));
    store16(rest + 16, _mm256_extracti128_si256(r0, 1));
    store16(rest + 24, _mm256_extracti128_si256(r1, 1));
    return !_mm256_testz_si256(_mm256_or_si256(sum[0], sum[1]), high);
}

/* The same of as many channels as there are. */
AKRT_INLINE uint32_t store_sums(const target *t, uint8_t *low, int16_t *rest,
                                const __m256i sum[2]) {
    if (t->n == GROUP) {
        return store_whole(low, rest, sum);
    }
    uint8_t kept[GROUP];
    int16_t kept_rest[GROUP];
    store_whole(kept, kept_rest, sum);
    size_t c = 0;
    for (; c + 8 <= t->n; c += 8) {
        memcpy(low + c, kept + c, 8);
        memcpy(rest + c, kept_rest + c, 16);
    }
    for (; c < t->n; c++) {
        low[c] = kept[c], rest[c] = kept_rest[c];
    }
    const __m256i some = _mm256_and_si256(sum[0], t->upper[0]);
    const __m256i more = _mm256_and_si256(sum[1], t->upper[1]);
    const __m256i any = _mm256_or_si256(some, more);
    return !_mm256_testz_si256(any, any);
}

/* 16 bytes of each half: those of two registers in turn. */
AKRT_INLINE void interleave2(__m256i a, __m256i b, __m256i q[2]) {
    q[0] = _mm256_unpacklo_epi8(a, b);
    q[1] = _mm256_unpackhi_epi8(a, b);
}

/* The same of the first two of three lines, and of the third and zeros. */
AKRT_INLINE void interleave(const __m256i line[3], __m256i q[4]) {
    interleave2(line[0], line[1], q);
    interleave2(line[2], _mm256_setzero_si256(), q + 2);
}

AKRT_INLINE void store_position(const target *t, size_t position, const __m256i sum[2]) {
    const size_t at = position * t->depth;
    const uint32_t spilt = store_sums(t, t->low + at, t->rest + at, sum);
    t->spill[position] = t->first ? spilt : t->spill[position] | spilt;
}

/* A mask of the upper bytes of the first `n` channels' sums. */
AKRT_INLINE void upper_bytes(size_t n, __m256i upper[2]) {
    int16_t mask[GROUP] = {0};
    for (size_t c = 0; c < n; c++) {
        mask[c] = (int16_t)0xFF00;
    }
    upper[0] = _mm256_setr_m128i(load16(mask), load16(mask + 16));
    upper[1] = _mm256_setr_m128i(load16(mask + 8), load16(mask + 24));
}

AKRT_INLINE __m128i pack8(const int32_t *from) {
    return _mm_packs_epi32(_mm_loadu_si128((const __m128i *)(const void *)from),
                           _mm_loadu_si128((const __m128i *)(const void *)(from + 4)));
}

AKRT_INLINE void start_values(const int32_t *offset, __m256i start[2]) {
    start[0] = _mm256_setr_m128i(pack8(offset), pack8(offset + 16));
    start[1] = _mm256_setr_m128i(pack8(offset + 8), pack8(offset + 24));
}

/* An input and its weights from a channel on, with their ends. */
typedef struct source {
    const uint8_t *input, *input_end;
    const int8_t *weights;
    const uint8_t *weights_end;
    const int32_t *offset;
} source;

AKRT_INLINE void add_taps(__m256i sum[2], const __m256i q[4], const __m256i taps[4]) {
    const __m256i low =
        _mm256_add_epi16(_mm256_maddubs_epi16(q[0], taps[0]), _mm256_maddubs_epi16(q[2], taps[2]));
    const __m256i high =
        _mm256_add_epi16(_mm256_maddubs_epi16(q[1], taps[1]), _mm256_maddubs_epi16(q[3], taps[3]));
    sum[0] = _mm256_add_epi16(sum[0], low);
    sum[1] = _mm256_add_epi16(sum[1], high);
}

#endif
