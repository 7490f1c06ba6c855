/* Fewer channels than a register has, under a 3x3 window: a part of akrt_dwconv_u8s8_s8.tmpl.h. */

#define LINE_BYTES 2048 /* of a part of a line that is laid out side by side */
#define LINE_SPACE (LINE_BYTES + GROUP)

/* The columns first .. of an input row, or of a border, `count` for each step of the stride: every
 * so manieth of them follows the other. */
static void lay_line(const akrt_window *w, const uint8_t *input, uint8_t border, int32_t row,
                     int32_t first, int32_t count, uint8_t *to) {
    const size_t channels = (size_t)w->channels, bytes = (size_t)count * channels;
    const int inside = row >= 0 && row < w->in_x;
    const uint8_t *line = inside ? input + (size_t)row * (size_t)w->in_y * channels : NULL;
    for (int32_t s = 0; s < w->stride_y; s++, first++, to += LINE_SPACE) {
        /* those of the columns first + k * stride that are inside */
        int32_t k0 = first < 0 ? (-first + w->stride_y - 1) / w->stride_y : 0;
        int32_t k1 = first < w->in_y ? (w->in_y - 1 - first) / w->stride_y + 1 : 0;
        k1 = k1 < count ? k1 : count;
        if (!inside || k1 <= k0) {
            memset(to, border, bytes + GROUP);
            continue;
        }
        memset(to, border, (size_t)k0 * channels);
        memset(to + (size_t)k1 * channels, border, bytes + GROUP - (size_t)k1 * channels);
        const uint8_t *from = line + (size_t)(first + k0 * w->stride_y) * channels;
        uint8_t *at = to + (size_t)k0 * channels;
        if (w->stride_y == 1) {
            memcpy(at, from, (size_t)(k1 - k0) * channels);
            continue;
        }
        const size_t step = (size_t)w->stride_y * channels;
        for (int32_t k = k0; k < k1; k++, at += channels, from += step) {
            if (channels == 8) {
                memcpy(at, from, 8);
            } else if (channels == 16) {
                memcpy(at, from, 16);
            } else {
                memcpy(at, from, channels);
            }
        }
    }
}

/* Outputs that follow one another in memory are made at once, of lines that are laid out so that
 * their inputs do too. */
static void few_channels(const akrt_window *w, const uint8_t *input, const int8_t *weights,
                         uint8_t border, const akrt_scaled *scaled, size_t phases, int32_t x,
                         int32_t count, uint8_t *out) {
    const size_t channels = (size_t)w->channels, out_row = channels * (size_t)w->out_y;
    constants k[MOST_PHASES];
    vec taps[MOST_PHASES][3][4];
    int8_t repeated[9][MOST_PHASES * GROUP];
    load_constants(scaled, 0, channels, phases, k);
    for (size_t t = 0; t < 9; t++) {
        repeat(repeated[t], weights + t * channels, channels, phases * GROUP);
    }
    for (size_t p = 0; p < phases; p++) {
        for (int j = 0; j < 3; j++) {
            interleave(load_bytes(repeated[j] + p * GROUP), load_bytes(repeated[3 + j] + p * GROUP),
                       load_bytes(repeated[6 + j] + p * GROUP), zeros(), taps[p][j]);
        }
    }
    uint8_t lines[3][2 * LINE_SPACE];
    const int32_t most = LINE_BYTES / w->channels - 2;
    for (int32_t y = 0, n; y < w->out_y; y += n) {
        n = w->out_y - y < most ? w->out_y - y : most;
        int32_t held[3] = {-1, -1, -1}; /* the rows that are laid out, and pad_x */
        for (int32_t row = 0; row < count; row++) {
            const uint8_t *view[3][3];
            for (int i = 0; i < 3; i++) {
                const int32_t padded = (x + row) * w->stride_x + i, slot = padded % 3;
                if (held[slot] != padded) {
                    lay_line(w, input, border, padded - w->pad_x, y * w->stride_y - w->pad_y, n + 2,
                             lines[slot]);
                    held[slot] = padded;
                }
                for (int j = 0; j < 3; j++) {
                    view[i][j] = lines[slot] + (size_t)(j % w->stride_y) * LINE_SPACE +
                                 (size_t)(j / w->stride_y) * channels;
                }
            }
            uint8_t *const to = out + (size_t)row * out_row + (size_t)y * channels;
            const size_t total = (size_t)n * channels;
            size_t p = 0;
            for (size_t at = 0; at < total; at += GROUP, p = p + 1 == phases ? 0 : p + 1) {
                vec sum[4] = {k[p].start[0], k[p].start[1], k[p].start[2], k[p].start[3]};
                UNROLL
                for (int j = 0; j < 3; j++) {
                    vec q[4];
                    interleave(load_bytes(view[0][j] + at), load_bytes(view[1][j] + at),
                               load_bytes(view[2][j] + at), zeros(), q);
                    UNROLL
                    for (int i = 0; i < 4; i++) {
                        dot_u8s8(&sum[i], q[i], taps[p][j][i]);
                    }
                }
                store_some(to + at, outputs(&k[p], sum), total - at);
            }
        }
    }
}

/* Registers in whose lanes the channels of one after the other come round again. */
static size_t phases_of(size_t channels) {
    size_t phases = channels;
    for (size_t lanes = GROUP; phases % 2 == 0 && lanes % 2 == 0; lanes /= 2) {
        phases /= 2;
    }
    return phases;
}
