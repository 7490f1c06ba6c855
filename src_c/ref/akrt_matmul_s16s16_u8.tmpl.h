/* One row of akrt_matmul_s16s16_u8 for LANES filters, and the names of its functions. */

/* The sums of any row, clipped to 16 bits: `top` is within them. */
static void AKRT_SUM_WIDE(const int16_t *AKRT_RESTRICT a, const int16_t *AKRT_RESTRICT weights,
                          size_t width, const int16_t *AKRT_RESTRICT start, int32_t depth,
                          int16_t *AKRT_RESTRICT out) {
    int32_t sum[LANES];
    for (int32_t f = 0; f < LANES; f++) {
        sum[f] = start[f];
    }
    for (int32_t k = 0; k < depth; k++) {
        for (int32_t f = 0; f < LANES; f++) {
            sum[f] += a[k] * weights[f];
        }
        weights += width;
    }
    for (int32_t f = 0; f < LANES; f++) {
        const int32_t low = sum[f] > 0 ? sum[f] : 0;
        out[f] = (int16_t)(low < INT16_MAX ? low : INT16_MAX);
    }
}

static void AKRT_ACTIVATE(const int16_t *AKRT_RESTRICT sum, const akrt_lanes *p, int32_t first,
                          uint8_t *AKRT_RESTRICT out) {
    const int16_t *AKRT_RESTRICT top = p->top + first;
    const uint16_t *AKRT_RESTRICT factor = p->factor + first,
                                  *AKRT_RESTRICT offset = p->offset + first;
    const uint16_t *AKRT_RESTRICT mul = p->mul + first;
    const uint16_t unit = p->unit;
    uint16_t high[LANES];
    for (int32_t f = 0; f < LANES; f++) {
        const int16_t low = sum[f] > 0 ? sum[f] : 0;
        const int16_t v = low < top[f] ? low : top[f];
        const uint16_t scaled = (uint16_t)(v * factor[f] + offset[f]);
        high[f] = (uint16_t)((uint32_t)scaled * mul[f] >> 16);
    }
    for (int32_t f = 0; f < LANES; f++) {
        high[f] = (uint16_t)((uint32_t)high[f] * unit >> 16);
    }
    for (int32_t f = 0; f < LANES; f++) {
        out[f] = (uint8_t)high[f];
    }
}

static void AKRT_ROW(const int16_t *a, const akrt_lanes *p, int32_t first, int fits, uint8_t *out) {
    const int16_t *weights = p->weights + first, *start = p->start + first;
    const size_t width = lane_width(p->filters);
    int16_t sum[LANES];
    if (fits) {
        for (int32_t k = 0; k < p->depth; k += LANE_CHUNK) {
            const int32_t left = p->depth - k;
            AKRT_ADD(a + k, left < LANE_CHUNK ? left : LANE_CHUNK, weights + (size_t)k * width,
                     width, k == 0 ? start : sum, sum);
        }
    } else {
        AKRT_SUM_WIDE(a, weights, width, start, p->depth, sum);
    }
    AKRT_ACTIVATE(sum, p, first, out);
}

#undef LANES
#undef AKRT_ADD
#undef AKRT_SUM_WIDE
#undef AKRT_ACTIVATE
#undef AKRT_ROW
