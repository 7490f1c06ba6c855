#include "core/akrt_products.h"
#include "core/akrt_exact.h"

#include <string.h>

/* A product of bytes: activations if the layer's are fused, else potentials. */
static void multiply_bytes(const akrt_layer *layer, const uint8_t *a, const int16_t *rest,
                           const uint32_t *spill, const akrt_product *product, int32_t rows,
                           void *out) {
    const akrt_kernels *kernels = layer->kernels;
    const akrt_activations *of = &layer->activation.of;
    if (layer->activation.kind == AKRT_ACT_FUSED_SCALED) {
        kernels->akrt_matmul_u8s8_s8(a, product, &of->fused_scaled, rows, out);
    } else if (layer->activation.kind == AKRT_ACT_FUSED_SHORT) {
        kernels->akrt_matmul_u8s8_u8_short(a, rest, spill, product, &of->fused_short, rows, out);
    } else if (layer->activation.kind == AKRT_ACT_FUSED_SCALE) {
        kernels->akrt_matmul_u8s8_u8(a, rest, spill, product, &of->fused_scale, rows, out);
    } else {
        kernels->akrt_matmul_u8s8_s32(a, rest, spill, product, rows, out);
    }
}

/* The output rows x .. x + count of a convolution that walks its lines. */
static void walk_lines(const akrt_layer *layer, const uint8_t *input, int32_t x, int32_t count,
                       uint8_t *scratch, void *out) {
    const akrt_window *w = &layer->operation.of.spatial.window;
    const akrt_lines *lines = &layer->operation.of.spatial.multiply.of.lines;
    akrt_window inner = lines->inner;
    akrt_product product = lines->product;
    inner.in_x = (count - 1) * w->stride_x + w->size_x;
    inner.out_x = count;
    product.window = &inner;
    layer->kernels->akrt_patches_u8(&lines->line, input, x * w->stride_x, inner.in_x, lines->border,
                                    inner.in_y * w->channels, scratch);
    multiply_bytes(layer, scratch, NULL, NULL, &product, count * w->out_y, out);
}

/* The windows of the output row x as 16 bits, `depth` elements apart. */
static void patch_row(const akrt_layer *layer, const uint8_t *input, int32_t x, uint8_t border,
                      int32_t depth, int16_t *patch) {
    const akrt_window *w = &layer->operation.of.spatial.window;
    const int32_t used = w->size_x * w->size_y * w->channels;
    for (int32_t y = 0; y < w->out_y; y++) {
        layer->kernels->akrt_patch_u8(w, input, x, y, border, patch);
        memset(patch + used, 0, (size_t)(depth - used) * sizeof *patch);
        patch += depth;
    }
}

/* The windows of the output rows x .. x + count as 16 bits, `depth` elements apart; their bytes
 * come after them. What is beyond the end of a window has no weight. */
static void widen_rows(const akrt_layer *layer, const uint8_t *input, int32_t x, int32_t count,
                       uint8_t border, int32_t depth, int16_t *AKRT_RESTRICT rows) {
    const akrt_window *w = &layer->operation.of.spatial.window;
    const size_t n = akrt_area(count, w->out_y) * (size_t)depth;
    const int as_it_is = w->size_x * w->size_y * w->stride_x * w->stride_y == 1;
    const uint8_t *AKRT_RESTRICT bytes = input + akrt_area(x, w->in_y) * (size_t)w->channels;
    if (!as_it_is || depth != w->channels) {
        uint8_t *const patches = (uint8_t *)(void *)(rows + n);
        layer->kernels->akrt_patches_u8(w, input, x, count, border, depth, patches);
        bytes = patches;
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = bytes[i];
    }
}

void akrt_multiply_rows(const akrt_layer *layer, const uint8_t *input, int32_t x, int32_t count,
                        uint8_t *scratch, void *out) {
    const akrt_kernels *kernels = layer->kernels;
    const akrt_spatial *s = &layer->operation.of.spatial;
    const akrt_window *w = &s->window;
    const akrt_paths *of = &s->multiply.of;
    const akrt_lanes *lanes = &layer->activation.of.fused_lanes; /* of a path that has some */
    const int32_t positions = count * w->out_y;
    void *const rows = scratch;
    switch (s->multiply.kind) {
    case AKRT_PATH_DIRECT:
        multiply_bytes(layer, input + akrt_area(x, w->in_y) * (size_t)w->channels, NULL, NULL,
                       &of->direct.product, positions, out);
        break;
    case AKRT_PATH_PATCHES:
        kernels->akrt_patches_u8(w, input, x, count, of->patches.border, of->patches.product.depth,
                                 rows);
        multiply_bytes(layer, rows, NULL, NULL, &of->patches.product, positions, out);
        break;
    case AKRT_PATH_LINES:
        walk_lines(layer, input, x, count, scratch, out);
        break;
    case AKRT_PATH_HALVES:
        kernels->akrt_patches_u8(w, input, x, count, of->halves.border, lanes->depth, rows);
        kernels->akrt_matmul_u8s16_u8(rows, lanes, positions, out);
        break;
    case AKRT_PATH_SHORT_ROWS: {
        const akrt_short_product *p = &of->short_rows.product;
        widen_rows(layer, input, x, count, of->short_rows.border, p->depth, rows);
        if (layer->activation.kind == AKRT_ACT_FUSED_SCALED) {
            kernels->akrt_matmul_s16s16_s8(rows, p->weights, &layer->activation.of.fused_scaled,
                                           positions, p->depth, p->filters, out);
        } else {
            kernels->akrt_matmul_s16s16(rows, p->weights, positions, p->depth, p->filters, out);
        }
        break;
    }
    case AKRT_PATH_LANES:
        patch_row(layer, input, x, of->lanes.border, lanes->depth, rows);
        kernels->akrt_matmul_s16s16_u8(rows, lanes, w->out_y, out);
        break;
    case AKRT_PATH_DEPTHWISE_BYTES: {
        const akrt_depthwise_bytes *d = &of->depthwise_bytes;
        int16_t *rest = (int16_t *)(void *)(scratch + layer->scratch.rest);
        uint32_t *spill = (uint32_t *)(void *)(scratch + layer->scratch.spill);
        kernels->akrt_dwconv_u8s8_u8(w, input, d->depthwise, d->offset, x, count, d->product.depth,
                                     rows, rest, spill);
        multiply_bytes(layer, rows, rest, spill, &d->product, positions, out);
        break;
    }
    case AKRT_PATH_DEPTHWISE_SHORT: {
        const akrt_short_product *p = &of->depthwise_short.product;
        kernels->akrt_dwconv_u8s16_s16(w, input, of->depthwise_short.depthwise, x, p->depth, rows);
        kernels->akrt_matmul_s16s16(rows, p->weights, w->out_y, p->depth, p->filters, out);
        break;
    }
    case AKRT_PATH_DEPTHWISE_LANES:
        kernels->akrt_dwconv_u8s16_s16(w, input, of->depthwise_lanes.depthwise, x, lanes->depth,
                                       rows);
        kernels->akrt_matmul_s16s16_u8(rows, lanes, w->out_y, out);
        break;
    case AKRT_PATH_DEPTHWISE_WIDE: {
        const akrt_short_product *p = &of->depthwise_wide.product;
        kernels->akrt_dwconv_u8s16_s32(w, input, of->depthwise_wide.depthwise, 0, x, p->depth,
                                       rows);
        kernels->akrt_matmul_s32s16(rows, p->weights, w->out_y, p->depth, p->filters, out);
        break;
    }
    case AKRT_PATH_DEPTHWISE_SUMS:
        kernels->akrt_dwconv_u8s16_s32(w, input, of->depthwise_sums.depthwise,
                                       of->depthwise_sums.border, x, w->channels, out);
        break;
    case AKRT_PATH_DEPTHWISE_SCALED:
        kernels->akrt_dwconv_u8s8_s8(w, input, of->depthwise_scaled.depthwise,
                                     of->depthwise_scaled.border,
                                     &layer->activation.of.fused_scaled, x, count, out);
        break;
    case AKRT_PATH_EXACT:
        akrt_exact_row(&of->exact, w, layer->filters, input, x, rows, out);
        break;
    }
}
