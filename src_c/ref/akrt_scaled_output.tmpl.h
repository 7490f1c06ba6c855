/* One output of akrt_matmul_u8s8_s8 and akrt_dwconv_u8s8_s8. */
#ifndef AKRT_SCALED_OUTPUT_INC
#define AKRT_SCALED_OUTPUT_INC

static uint8_t scaled_byte(const akrt_scaled *s, int32_t v, int32_t c) {
    const int32_t low = v > s->low[c] ? v : s->low[c];
    const int32_t bounded = low < s->high[c] ? low : s->high[c];
    const int32_t y = (bounded * s->mul[c] + s->add[c]) >> s->shift[c];
    return (uint8_t)(y < s->least ? s->least : y > s->most ? s->most : y);
}

#endif
