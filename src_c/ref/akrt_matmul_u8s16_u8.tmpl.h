/* One row of akrt_matmul_u8s16_u8 for LANES filters, and the names of its functions. */

/* The sums are v = 16 * high + low = 16 * q + r, 0 <= r < 16. What q exceeds of the levels divided
 * by 16 is certain; the next level is compared with v: they differ by less than 16 bits hold, or q
 * has been clipped. */
static void AKRT_ACTIVATE(const int16_t *AKRT_RESTRICT low, const int16_t *AKRT_RESTRICT high,
                          const akrt_lanes *p, int32_t first, uint8_t *AKRT_RESTRICT out) {
    const int16_t *AKRT_RESTRICT top = p->top + first;
    const uint16_t *AKRT_RESTRICT factor = p->factor + first,
                                  *AKRT_RESTRICT offset = p->offset + first;
    const uint16_t *AKRT_RESTRICT mul = p->mul + first;
    const uint16_t *AKRT_RESTRICT step = p->step + first,
                                  *AKRT_RESTRICT sixteenths = p->sixteenths + first;
    const uint16_t unit = p->unit;
    const int16_t count = p->count;
    int16_t q[LANES];
    uint16_t n[LANES];
    for (int32_t f = 0; f < LANES; f++) {
        const int16_t sum = (int16_t)(high[f] + (low[f] >> 4));
        const int16_t above = sum > -1 ? sum : -1;
        q[f] = above < top[f] ? above : top[f];
    }
    for (int32_t f = 0; f < LANES; f++) {
        const int16_t v = q[f] > 0 ? q[f] : 0;
        const uint16_t scaled = (uint16_t)(v * factor[f] + offset[f]);
        n[f] = (uint16_t)((uint32_t)scaled * mul[f] >> 16);
    }
    for (int32_t f = 0; f < LANES; f++) {
        n[f] = (uint16_t)((uint32_t)n[f] * unit >> 16);
    }
    for (int32_t f = 0; f < LANES; f++) {
        const uint16_t fraction = (uint16_t)(n[f] * sixteenths[f]);
        const uint16_t level = (uint16_t)(n[f] * step[f] + (fraction >> 4));
        const uint16_t v = (uint16_t)(q[f] * 16 + (low[f] & 15));
        const int16_t above = (int16_t)(v - level);
        const int16_t sum = (int16_t)(n[f] + (above > 0));
        q[f] = sum < count ? sum : count;
    }
    for (int32_t f = 0; f < LANES; f++) {
        out[f] = (uint8_t)q[f];
    }
}

/* A row of at most LANE_CHUNK inputs may be `low` as a whole. */
static void AKRT_ROW(const uint8_t *a, const akrt_lanes *p, int32_t first, uint8_t *out) {
    const size_t width = lane_width(p->filters);
    const int16_t *low_start = p->low_start + first, *high_start = p->start + first;
    int16_t low_sum[LANES], high_sum[LANES];
    for (int32_t f = 0; f < LANES; f++) {
        high_sum[f] = high_start[f];
    }
    for (int32_t from = 0; from < p->depth; from += LANE_CHUNK) {
        const int32_t left = p->depth - from, count = left < LANE_CHUNK ? left : LANE_CHUNK;
        const int16_t *weights = p->weights + (size_t)from * width + (size_t)first;
        int16_t low[LANE_CHUNK], high[LANE_CHUNK];
        const int whole = split(a + from, (size_t)count, p->limit, low, high);
        AKRT_ADD(low, count, weights, width, from == 0 ? low_start : low_sum, low_sum);
        if (!whole) {
            AKRT_ADD(high, count, weights, width, high_sum, high_sum);
        }
    }
    AKRT_ACTIVATE(low_sum, high_sum, p, first, out);
}

#undef LANES
#undef AKRT_ADD
#undef AKRT_ACTIVATE
#undef AKRT_ROW
