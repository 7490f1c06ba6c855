/* akrt_matmul_u8s8_* in registers of 256 bits, but for the sums of some rows: `tile_rows`,
 * `smaller_tile_rows` and `single_row` of the file that includes it. */

/* Sums of a position with something left over, from the filter f of the group on: `slot` becomes
 * the start and the products of the rest, pair of inputs by pair, where there is any. */
AKRT_INLINE void add_rest(const job *j, const int16_t *rest, int32_t f, int32_t *slot,
                          const int blocks) {
    const size_t depth = (size_t)j->product->depth;
    const int16_t *weights = j->product->rest_weights + (size_t)(j->first + f) * depth;
    __m256i sum[GROUP / LANES];
    UNROLL
    for (int b = 0; b < blocks; b++) {
        sum[b] = load(j->start + f + b * LANES);
    }
    for (size_t k = 0; k < depth; k += 8) { /* the depth is a multiple of 8 */
        const __m128i some = _mm_loadu_si128((const __m128i *)(const void *)(rest + k));
        const __m128i none = _mm_cmpeq_epi32(some, _mm_setzero_si128());
        uint32_t pairs = ~(uint32_t)_mm_movemask_ps(_mm_castsi128_ps(none)) & 15u;
        for (; pairs; pairs &= pairs - 1) {
            const size_t pair = k + 2 * (size_t)__builtin_ctz(pairs);
            const __m256i x = everywhere(rest + pair);
            const int16_t *w = weights + pair * LANES;
            UNROLL
            for (int b = 0; b < blocks; b++) {
                add_s32(&sum[b], _mm256_madd_epi16(x, load(w + (size_t)b * LANES * depth)));
            }
        }
    }
    UNROLL
    for (int b = 0; b < blocks; b++) {
        store(slot + f + b * LANES, sum[b]);
    }
}

static void fill_slot(const job *j, const int16_t *rest, int32_t *slot, int32_t filters) {
    if (filters == GROUP) {
        add_rest(j, rest, 0, slot, GROUP / LANES);
        return;
    }
    for (int32_t f = 0; f < filters; f += LANES) {
        add_rest(j, rest, f, slot, 1);
    }
}

/* The constants of the filters first .. first + filters. */
static void prepare(job *j, int32_t first, int32_t filters) {
    const size_t some = (size_t)filters * sizeof(int32_t);
    j->first = first;
    memcpy(j->start, j->product->start + first, some);
    if (j->scale != NULL) {
        memcpy(j->top, j->scale->top + first, some);
        memcpy(j->mul, j->scale->mul + first, some);
        memcpy(j->add, j->scale->add + first, some);
        if (j->scale->fine != NULL) {
            memcpy(j->fine, j->scale->fine + first, some);
        }
    }
#ifdef AKRT_SCALED_OUTPUTS
    memcpy(j->low, j->scaled->low + first, some);
    memcpy(j->top, j->scaled->high + first, some);
    memcpy(j->mul, j->scaled->mul + first, some);
    memcpy(j->add, j->scaled->add + first, some);
    memcpy(j->shift, j->scaled->shift + first, some);
#endif
    if (j->short_scale != NULL) {
        memcpy(j->short_mul, j->short_scale->mul + first, some / 2);
    }
    for (int32_t f = 0; f < filters; f++) {
        const int scaled = j->short_scale != NULL && j->short_scale->factor != NULL;
        const int16_t factor = scaled ? j->short_scale->factor[first + f] : 1;
        j->factor[2 * f] = j->factor[2 * f + 1] = factor;
    }
}

/* The rows row .. end: in tiles of TILE or one row less, where these add up. */
static void multiply_rows(const job *j, int32_t row, int32_t end, int32_t filters) {
    const int32_t rows = end - row, smaller = (TILE - rows % TILE) % TILE;
    if (rows >= smaller * (TILE - 1)) {
        for (int32_t n = 0; n < smaller; n++, row += TILE - 1) {
            smaller_tile_rows(j, row, filters);
        }
    }
    for (; row + TILE <= end; row += TILE) {
        tile_rows(j, row, filters);
    }
    if (row < end && rows >= TILE) { /* some rows once more */
        tile_rows(j, end - TILE, filters);
        return;
    }
    for (; row < end; row++) {
        single_row(j, row, filters);
    }
}

static void multiply(job *j, const int16_t *rest, const uint32_t *spill, int32_t rows) {
    const size_t depth = (size_t)j->product->depth;
    int32_t slots[CHUNK][GROUP];
    for (int32_t first = 0; first < j->product->filters; first += GROUP) {
        const int32_t left = j->product->filters - first, filters = left < GROUP ? left : GROUP;
        prepare(j, first, filters);
        for (int32_t row = 0; row < rows; row += CHUNK) {
            j->base = row;
            const int32_t end = rows - row < CHUNK ? rows : row + CHUNK;
            for (int32_t r = row; r < end; r++) {
                j->from[r - row] = j->start;
                if (rest != NULL && spill[r]) {
                    j->from[r - row] = slots[r - row];
                    fill_slot(j, rest + (size_t)r * depth, slots[r - row], filters);
                }
            }
            multiply_rows(j, row, end, filters);
        }
    }
}

#ifdef AKRT_SCALED_OUTPUTS
void AKRT_FN(akrt_matmul_u8s8_s8)(const uint8_t *a, const akrt_product *product,
                                  const akrt_scaled *scaled, int32_t rows, uint8_t *out) {
    job j = {0};
    j.a = a, j.product = product, j.scaled = scaled, j.out = out;
    multiply(&j, NULL, NULL, rows);
}
#else
void AKRT_FN(akrt_matmul_u8s8_s32)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                   const akrt_product *product, int32_t rows, int32_t *out) {
    job j = {0};
    j.a = a, j.product = product, j.out = out;
    multiply(&j, rest, spill, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8)(const uint8_t *a, const int16_t *rest, const uint32_t *spill,
                                  const akrt_product *product, const akrt_scale *scale,
                                  int32_t rows, uint8_t *out) {
    job j = {0};
    j.a = a, j.product = product, j.scale = scale, j.out = out;
    multiply(&j, rest, spill, rows);
}

void AKRT_FN(akrt_matmul_u8s8_u8_short)(const uint8_t *a, const int16_t *rest,
                                        const uint32_t *spill, const akrt_product *product,
                                        const akrt_short_scale *scale, int32_t rows, uint8_t *out) {
    job j = {0};
    j.a = a, j.product = product, j.short_scale = scale, j.out = out;
    multiply(&j, rest, spill, rows);
}
#endif
