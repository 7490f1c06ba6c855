/* akrt_patches_u8 of the x86 architectures, but for `edge`, which the including file defines. */

#define COPY 2048 /* bytes of input with a border that are worth a copy */

AKRT_INLINE int32_t within(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

/* An output row: its windows have `lines` lines of `length` bytes, of which from_i .. to_i are
 * inside the input, the first of them in the input's line `source`. */
typedef struct output_row {
    const uint8_t *source;
    ptrdiff_t line;
    int32_t lines, length, from_i, to_i;
} output_row;

/* The window at the column that starts at `start` of each line, and is partly outside: of its lines
 * the bytes from .. to are inside. */
static void edge(uint8_t *target, const output_row *r, ptrdiff_t start, int32_t from, int32_t to,
                 uint8_t border);

/* n windows that are inside the input, as is what is copied too much; each copy overwrites what
 * the one before wrote too much. */
AKRT_INLINE void copy(uint8_t *target, const output_row *r, ptrdiff_t start, ptrdiff_t step,
                      int32_t n, ptrdiff_t depth, const int32_t chunk) {
    const int32_t lines = r->lines, length = r->length;
    const ptrdiff_t line = r->line;
    const uint8_t *source = r->source + start;
    for (; n > 0; n--, source += step, target += depth) {
        const uint8_t *from = source;
        uint8_t *to = target;
        for (int32_t i = lines; i > 0; i--, from += line, to += length) {
            if (chunk == 16) {
                _mm_storeu_si128((__m128i *)(void *)to,
                                 _mm_loadu_si128((const __m128i *)(const void *)from));
            } else {
                int32_t at = 0;
                do {
                    _mm256_storeu_si256(
                        (__m256i *)(void *)(to + at),
                        _mm256_loadu_si256((const __m256i *)(const void *)(from + at)));
                    at += chunk;
                } while (at < length);
            }
        }
    }
}

/* The windows of some output rows by way of a copy of their input lines with the border around
 * them: of a small input many windows are partly outside. Returns 0 if the copy would be too large.
 */
static int by_copy(const akrt_window *w, const uint8_t *input, int32_t x, int32_t count,
                   uint8_t border, int32_t depth, uint8_t *patches) {
    uint8_t lines[COPY + 32];
    const ptrdiff_t pixel = w->channels, line = pixel * w->in_y, lead = pixel * w->pad_y;
    const int32_t first = x * w->stride_x - w->pad_x;
    const int32_t length = w->size_y * w->channels;
    output_row r = {0};
    r.line = (ptrdiff_t)(w->out_y - 1) * w->stride_y * pixel + length;
    r.lines = w->size_x, r.length = length;
    const int32_t needed = (count - 1) * w->stride_x + w->size_x;
    if (needed * r.line > COPY) {
        return 0;
    }
    memset(lines, border, (size_t)(needed * r.line));
    const size_t inside = (size_t)(line < r.line - lead ? line : r.line - lead);
    for (int32_t i = within(-first, 0, needed); i < within(w->in_x - first, 0, needed); i++) {
        memcpy(lines + i * r.line + lead, input + (first + i) * line, inside);
    }
    r.source = lines;
    for (int32_t row = 0; row < count; row++) {
        if (length <= 16) {
            copy(patches, &r, 0, w->stride_y * pixel, w->out_y, depth, 16);
        } else {
            copy(patches, &r, 0, w->stride_y * pixel, w->out_y, depth, 32);
        }
        r.source += w->stride_x * r.line;
        patches += (ptrdiff_t)w->out_y * depth;
    }
    return 1;
}

void AKRT_FN(akrt_patches_u8)(const akrt_window *w, const uint8_t *input, int32_t x, int32_t count,
                              uint8_t border, int32_t depth, uint8_t *patches) {
    if (by_copy(w, input, x, count, border, depth, patches)) {
        return;
    }
    const ptrdiff_t pixel = w->channels, line = pixel * w->in_y, step = pixel * w->stride_y;
    const int32_t length = w->size_y * w->channels;
    const int32_t chunk = length <= 16 ? 16 : 32;
    const ptrdiff_t reach = (w->size_x - 1) * line + length + chunk; /* of a copied window */
    /* the columns whose windows are inside */
    const int32_t first = within((w->pad_y + w->stride_y - 1) / w->stride_y, 0, w->out_y);
    const int32_t room = w->in_y + w->pad_y - w->size_y;
    const int32_t last = within(room < 0 ? 0 : room / w->stride_y + 1, first, w->out_y);
    for (int32_t row = x; row < x + count; row++) {
        const int32_t first_x = row * w->stride_x - w->pad_x;
        output_row r = {0};
        r.line = line, r.lines = w->size_x, r.length = length;
        r.from_i = within(-first_x, 0, r.lines);
        r.to_i = within(w->in_x - first_x, r.from_i, r.lines);
        r.source = input + (first_x + r.from_i) * line;
        for (int32_t y = 0; y < w->out_y;) {
            const int32_t first_y = y * w->stride_y - w->pad_y;
            const ptrdiff_t start = first_y * pixel;
            if (y == first && r.to_i - r.from_i == r.lines) {
                const ptrdiff_t left =
                    w->in_x * line - (first_x * line + start) - reach; /* after this window */
                int32_t n = last - first;
                if (left < (n - 1) * step) {
                    n = left < 0 ? 0 : (int32_t)(left / step) + 1;
                }
                if (chunk == 16) {
                    copy(patches, &r, start, step, n, depth, 16);
                } else {
                    copy(patches, &r, start, step, n, depth, 32);
                }
                y += n;
                patches += (ptrdiff_t)n * depth;
                if (n > 0) {
                    continue;
                }
            }
            const int32_t from = within(-first_y * w->channels, 0, length);
            const int32_t to = within((w->in_y - first_y) * w->channels, from, length);
            edge(patches, &r, start, from, to, border);
            patches += depth;
            y++;
        }
    }
}
