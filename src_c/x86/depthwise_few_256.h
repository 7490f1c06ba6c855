/* The 3x3 part of akrt_dwconv_u8s8_u8 for 8 or 16 channels, in registers of 256 bits. */
#ifndef AKRT_X86_DEPTHWISE_FEW_256_H
#define AKRT_X86_DEPTHWISE_FEW_256_H

/* Some neighbouring positions of a line, zeros where they are outside. */
AKRT_INLINE __m256i neighbours(const akrt_window *w, const uint8_t *line, int32_t first,
                               int32_t n) {
    const int32_t from = first < 0 ? 0 : first, to = first + n > w->in_y ? w->in_y : first + n;
    if (line != NULL && to - from == n) {
        return load(line + first * w->channels);
    }
    uint8_t some[GROUP] = {0};
    if (line != NULL && from < to) {
        memcpy(some + (from - first) * w->channels, line + from * w->channels,
               (size_t)((to - from) * w->channels));
    }
    return load(some);
}

/* A bit for each of 32 sums that a byte does not hold. */
AKRT_INLINE uint32_t nonzero_upper(const __m256i sum[2]) {
    const __m256i high = _mm256_set1_epi16((short)0xFF00), zero = _mm256_setzero_si256();
    const __m256i first = _mm256_cmpeq_epi16(_mm256_and_si256(sum[0], high), zero);
    const __m256i second = _mm256_cmpeq_epi16(_mm256_and_si256(sum[1], high), zero);
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_packs_epi16(first, second));
}

/* 3x3 of few channels, stride 1 along the row: a register holds `n` neighbouring positions. */
static void few3x3(const akrt_window *w, const source *from, int32_t x, int32_t count, target t,
                   int32_t n) {
    const size_t channels = (size_t)w->channels;
    __m256i taps[3][4], start[2];
    int32_t offset[GROUP];
    for (size_t j = 0; j < 3; j++) {
        __m256i line[3];
        for (size_t i = 0; i < 3; i++) {
            int8_t repeated[GROUP];
            for (size_t c = 0; c < GROUP; c += channels) {
                memcpy(repeated + c, from->weights + (3 * i + j) * channels, channels);
            }
            line[i] = load(repeated);
        }
        interleave(line, taps[j]);
    }
    for (size_t c = 0; c < GROUP; c += channels) {
        memcpy(offset + c, from->offset, channels * sizeof *offset);
    }
    start_values(offset, start);
    for (int32_t row = x; row < x + count; row++) {
        const uint8_t *lines[3];
        for (int i = 0; i < 3; i++) {
            const int32_t at = row * w->stride_x - w->pad_x + i;
            const int inside = at >= 0 && at < w->in_x;
            lines[i] = inside ? from->input + (size_t)at * (size_t)w->in_y * channels : NULL;
        }
        for (int32_t next = 0; next < w->out_y; next += n) {
            /* the last ones may be done twice */
            const int32_t y = next + n > w->out_y ? w->out_y - n : next;
            __m256i sum[2] = {start[0], start[1]};
            UNROLL
            for (int j = 0; j < 3; j++) {
                __m256i line[3], q[4];
                UNROLL
                for (int i = 0; i < 3; i++) {
                    line[i] = neighbours(w, lines[i], y - w->pad_y + j, n);
                }
                interleave(line, q);
                add_taps(sum, q, taps[j]);
            }
            uint8_t *low = t.low + (size_t)y * channels;
            int16_t *rest = t.rest + (size_t)y * channels;
            store_whole(low, rest, sum);
            uint32_t spilt = nonzero_upper(sum); /* a bit a channel */
            for (int32_t p = 0; p < n; p++, spilt >>= channels) {
                t.spill[y + p] = spilt & ((1u << channels) - 1);
            }
        }
        t.low += (size_t)w->out_y * channels;
        t.rest += (size_t)w->out_y * channels;
        t.spill += w->out_y;
    }
}

#endif
