#include "core/akrt_collapsed.h"
#include "core/akrt_temporal.h"

#define BEYOND 64     /* bytes that akrt_patches_u8 may write too far */
#define POSITIONS 128 /* of an output are worked on at once, if a row has no more */
#define BYTES 16384   /* of a product's operand, likewise: they stay in the nearest cache */
#define LINES 36864   /* bytes of the lines of a convolution, which are read many times more */

static size_t aligned(size_t bytes) {
    return (bytes + (AKRT_ALIGNMENT - 1)) / AKRT_ALIGNMENT * AKRT_ALIGNMENT;
}

static size_t area(int32_t x, int32_t y) { return (size_t)x * (size_t)y; }

static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

static int is_fused(const akrt_layer *layer) {
    return layer->activation.kind >= AKRT_ACT_FUSED_SCALE;
}

/* Output rows whose windows, `depth` bytes each, are made at once. */
static int32_t rows_of(const akrt_window *w, int32_t depth) {
    return least(BYTES / depth, POSITIONS) / w->out_y;
}

static int32_t rows_of_lines(const akrt_layer *layer, const akrt_lines *lines) {
    const akrt_window *w = &layer->operation.of.spatial.window;
    const int32_t most = LINES / (lines->inner.in_y * w->channels);
    const int32_t rows = (most - w->size_x) / w->stride_x + 1;
    return is_fused(layer) ? rows : least(rows, POSITIONS / w->out_y);
}

/* What a path asks for: output rows at once, bytes of an operand's row at one position, elements
 * of `rest` there. */
typedef struct demand {
    int32_t rows;
    size_t bytes, rest;
} demand;

static demand demand_of(const akrt_layer *layer) {
    const akrt_spatial *s = &layer->operation.of.spatial;
    const akrt_window *w = &s->window;
    const akrt_paths *of = &s->multiply.of;
    const int32_t lanes = layer->activation.of.fused_lanes.depth; /* of a path that has some */
    demand d = {1, 0, 0};
    switch (s->multiply.kind) {
    case AKRT_PATH_DIRECT:
        d.rows = rows_of(w, of->direct.product.depth);
        break;
    case AKRT_PATH_PATCHES:
        d.rows = rows_of(w, of->patches.product.depth);
        d.bytes = (size_t)of->patches.product.depth;
        break;
    case AKRT_PATH_LINES:
        d.rows = rows_of_lines(layer, &of->lines);
        break;
    case AKRT_PATH_HALVES:
        d.rows = rows_of(w, (lanes + 7) / 8 * 8);
        d.bytes = (size_t)lanes;
        break;
    case AKRT_PATH_DEPTHWISE_BYTES:
        d.rows = rows_of(w, of->depthwise_bytes.product.depth);
        d.bytes = d.rest = (size_t)of->depthwise_bytes.product.depth;
        break;
    case AKRT_PATH_SHORT_ROWS:
        d.rows = rows_of(w, 2 * of->short_rows.product.depth);
        d.bytes = (size_t)of->short_rows.product.depth * (sizeof(int16_t) + 1);
        break;
    case AKRT_PATH_DEPTHWISE_SHORT:
        d.bytes = (size_t)of->depthwise_short.product.depth * sizeof(int16_t);
        break;
    case AKRT_PATH_DEPTHWISE_WIDE:
        d.bytes = (size_t)of->depthwise_wide.product.depth * sizeof(int32_t);
        break;
    case AKRT_PATH_LANES:
    case AKRT_PATH_DEPTHWISE_LANES:
        d.bytes = (size_t)lanes * sizeof(int16_t);
        break;
    case AKRT_PATH_DEPTHWISE_SCALED: /* nothing lies between */
        d.rows = w->out_x;
        break;
    case AKRT_PATH_DEPTHWISE_SUMS:
    case AKRT_PATH_EXACT:
        break;
    }
    d.rows = d.rows < 1 ? 1 : least(d.rows, w->out_x);
    return d;
}

/* Lays out a scratch of so many bytes of rows, elements of `rest`, `spill`, potentials and
 * pooled. Nothing is flipped, nothing recalled. */
static akrt_scratch lay_out(int32_t at_once, size_t rows, size_t rest, size_t spill,
                            size_t potentials, size_t pooled) {
    akrt_scratch s;
    s.at_once = at_once;
    s.rest = aligned(rows);
    s.spill = s.rest + aligned(rest * sizeof(int16_t));
    s.potentials = s.spill + aligned(spill * sizeof(uint32_t));
    s.pooled = s.potentials + aligned(potentials * sizeof(int32_t));
    s.flipped = s.recalled = s.bytes = s.pooled + aligned(pooled * sizeof(int32_t));
    return s;
}

static akrt_scratch of_spatial(const akrt_layer *layer) {
    const akrt_spatial *s = &layer->operation.of.spatial;
    const akrt_window *w = &s->window;
    const demand d = demand_of(layer);
    const size_t filters = (size_t)layer->filters;
    const size_t positions = area(d.rows, w->out_y), all = area(w->out_x, w->out_y);
    size_t rows = positions * d.bytes, potentials = positions * filters, pooled = 0;
    if (s->multiply.kind == AKRT_PATH_LINES) {
        const int32_t lines = (d.rows - 1) * w->stride_x + w->size_x;
        rows = area(lines, s->multiply.of.lines.inner.in_y) * (size_t)w->channels;
    }
    if (s->multiply.kind == AKRT_PATH_EXACT) {
        rows = filters * sizeof(int64_t);
    }
    switch (s->pooling.kind) {
    case AKRT_POOL_NONE:
        break;
    case AKRT_POOL_MAX:
        potentials = all * filters;
        pooled = area(s->pooling.of.max.out_x, s->pooling.of.max.out_y) * filters;
        break;
    case AKRT_POOL_MAX_ACTIVATED:
        pooled = all * filters / sizeof(int32_t) + 1;
        break;
    case AKRT_POOL_COLLAPSED: {
        const size_t sums = akrt_collapsed_elements(w, &s->pooling.of.collapsed);
        potentials = potentials > sums ? potentials : sums;
        pooled = filters;
        break;
    }
    case AKRT_POOL_MAX_SUMS:
        potentials = all * filters;
        pooled = area(s->pooling.of.max_sums.out_x, s->pooling.of.max_sums.out_y) * filters;
        break;
    case AKRT_POOL_SUM:
    case AKRT_POOL_SUM_CLIPPED:
    case AKRT_POOL_SUM_FINISHED:
        pooled = filters;
        break;
    }
    akrt_scratch made = lay_out(d.rows, rows + BEYOND, positions * d.rest, d.rest ? positions : 0,
                                is_fused(layer) ? 0 : potentials, pooled);
    if (s->flip || s->lift != NULL) {
        made.bytes += aligned(area(w->in_x, w->in_y) * (size_t)w->channels + BEYOND);
    }
    if (layer->recall.steps != 0) {
        made.recalled = made.bytes;
        made.bytes += aligned(area(w->in_x, w->in_y) * (size_t)w->channels + BEYOND);
    }
    return made;
}

size_t akrt_layer_prepare(akrt_layer *layer) {
    const size_t filters = (size_t)layer->filters;
    const akrt_ops *of = &layer->operation.of;
    switch (layer->operation.kind) {
    case AKRT_OP_ADD: {
        const int32_t most = BYTES / (int32_t)sizeof(int32_t) / layer->filters;
        const int32_t positions = most < 1 ? 1 : least(most, of->add.positions);
        layer->scratch = lay_out(positions, 0, 0, 0, (size_t)positions * filters, 0);
        break;
    }
    case AKRT_OP_DENSE_BYTES:
        layer->scratch = lay_out(1, (size_t)of->dense_bytes.product.depth, 0, 0, filters, 0);
        break;
    case AKRT_OP_DENSE_SHORT: {
        const size_t depth = (size_t)of->dense_short.product.depth;
        layer->scratch = lay_out(1, depth * sizeof(int16_t), 0, 0, filters, 0);
        break;
    }
    case AKRT_OP_SPATIAL:
        layer->scratch = of_spatial(layer);
        break;
    case AKRT_OP_SHIFTED_ADD:
    case AKRT_OP_CONCATENATE:
    case AKRT_OP_QUANTISE:
    case AKRT_OP_DEQUANTISE:
    case AKRT_OP_COMPARE:
        layer->scratch = lay_out(0, 0, 0, 0, 0, 0);
        break;
    case AKRT_OP_RECURRENT: {
        const akrt_recurrent *r = &of->recurrent;
        const size_t outputs = (size_t)(r->steps / r->subsample);
        layer->scratch =
            lay_out(1, akrt_recurrent_bytes(r, layer->filters), 0, 0, outputs * filters, 0);
        break;
    }
    }
    return layer->scratch.bytes;
}
