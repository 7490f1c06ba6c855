#include "akrt/network.h"

#include <string.h>

/* Scratch of a layer, as offsets in bytes: `rows` is what the matrix product reads, with `rest` and
 * `spill` beside it where bytes are multiplied; `potentials` is what it writes. Max pooling keeps
 * these for the whole tensor, everything else for `at_once` rows of output positions. `pooled` is
 * what comes out of pooling, or the activations that go into it. */
typedef struct scratch_plan {
    int32_t at_once;
    size_t rest, spill, potentials, pooled, total;
} scratch_plan;

#define LINE 64u      /* bytes; also what akrt_patches_u8 may write too far */
#define POSITIONS 128 /* of an output are worked on at once, if a row has no more */
#define BYTES 16384   /* of a product's operand, likewise: they stay in the nearest cache */
#define LINES 36864   /* bytes of the lines of a convolution, which are read many times more */

static size_t aligned(size_t bytes) { return (bytes + (LINE - 1)) & ~(size_t)(LINE - 1); }

static size_t area(int32_t x, int32_t y) { return (size_t)x * (size_t)y; }

/* Whether a product multiplies the halves of bytes. */
static int in_halves(const akrt_layer *layer) {
    return layer->act == AKRT_ACT_LANES && layer->lanes.step != NULL;
}

/* The windows of `count` output rows over their lines with a border. */
static akrt_window bordered(const akrt_window *w, int32_t count) {
    akrt_window inner = *w;
    inner.in_x = (count - 1) * w->stride_x + w->size_x;
    inner.in_y = (w->out_y - 1) * w->stride_y + w->size_y;
    inner.out_x = count;
    inner.pad_x = inner.pad_y = 0;
    return inner;
}

/* Whether the potentials of a product go straight to activations. */
static int is_fused(const akrt_layer *layer) {
    if (layer->act == AKRT_ACT_LANES) {
        return 1;
    }
    return layer->bytes && layer->op != AKRT_DENSE &&
           (layer->pool == AKRT_POOL_NONE || layer->activates_first) &&
           (layer->act == AKRT_ACT_SCALE || layer->act == AKRT_ACT_SHORT);
}

static int32_t rows_at_once(const akrt_layer *layer) {
    const akrt_window *w = &layer->conv;
    if (!layer->bytes && !in_halves(layer)) {
        return 1;
    }
    const int32_t most = BYTES / layer->depth < POSITIONS ? BYTES / layer->depth : POSITIONS;
    int32_t rows = most / w->out_y;
    if (layer->walks) {
        const int32_t lines = LINES / (bordered(w, 1).in_y * w->channels);
        rows = (lines - w->size_x) / w->stride_x + 1;
        if (!is_fused(layer) && rows > POSITIONS / w->out_y) {
            rows = POSITIONS / w->out_y;
        }
    }
    return rows < 1 ? 1 : rows < w->out_x ? rows : w->out_x;
}

static scratch_plan plan_scratch(const akrt_layer *layer) {
    const size_t filters = (size_t)layer->filters, depth = (size_t)layer->depth;
    scratch_plan plan;
    plan.at_once = layer->op == AKRT_DENSE ? 1 : rows_at_once(layer);
    const size_t positions =
        layer->op == AKRT_DENSE ? 1 : (size_t)plan.at_once * (size_t)layer->conv.out_y;
    const size_t element = layer->wide_depthwise ? sizeof(int32_t)
                           : layer->bytes        ? sizeof(uint8_t)
                                                 : sizeof(int16_t);
    size_t rows = positions * depth * element;
    if (layer->walks) {
        const akrt_window lines = bordered(&layer->conv, plan.at_once);
        rows = area(lines.in_x, lines.in_y) * (size_t)lines.channels;
    }
    rows = aligned(rows) + LINE;
    size_t kept = positions * filters, pooled = 0, rest = 0;
    if (layer->activates_first) {
        kept = is_fused(layer) ? 0 : kept;
        pooled = area(layer->conv.out_x, layer->conv.out_y) * filters / sizeof(int32_t) + 1;
    } else if (layer->pool == AKRT_POOL_MAX) {
        kept = area(layer->conv.out_x, layer->conv.out_y) * filters;
        pooled = area(layer->max_pool.out_x, layer->max_pool.out_y) * filters;
    } else if (layer->pool == AKRT_POOL_SUM) {
        pooled = filters;
    } else if (is_fused(layer)) {
        kept = 0;
    }
    if (layer->bytes && layer->op == AKRT_SEPARABLE) {
        rest = positions;
    }
    if (layer->magnitudes != NULL) {
        const size_t taps = area(layer->conv.size_x, layer->conv.size_y);
        const size_t collapsed = 4 * depth + 4 * filters + taps * (size_t)layer->conv.channels;
        kept = kept > collapsed ? kept : collapsed;
    }
    plan.rest = rows;
    plan.spill = plan.rest + aligned(rest * depth * sizeof(int16_t));
    plan.potentials = plan.spill + aligned(rest * sizeof(uint32_t));
    plan.pooled = plan.potentials + aligned(kept * sizeof(int32_t));
    plan.total = plan.pooled + aligned(pooled * sizeof(int32_t));
    return plan;
}

size_t akrt_layer_scratch_bytes(const akrt_layer *layer) { return plan_scratch(layer).total; }

size_t akrt_layer_input_size(const akrt_layer *layer) {
    return area(layer->conv.in_x, layer->conv.in_y) * (size_t)layer->conv.channels;
}

static size_t output_positions(const akrt_layer *layer) {
    if (layer->op == AKRT_DENSE || layer->pool == AKRT_POOL_SUM) {
        return 1;
    }
    if (layer->pool == AKRT_POOL_MAX) {
        return area(layer->max_pool.out_x, layer->max_pool.out_y);
    }
    return area(layer->conv.out_x, layer->conv.out_y);
}

size_t akrt_layer_output_size(const akrt_layer *layer) {
    return output_positions(layer) * (size_t)layer->filters;
}

static size_t output_bytes(const akrt_layer *layer) {
    return akrt_layer_output_size(layer) *
           (layer->act == AKRT_ACT_NONE ? sizeof(int32_t) : sizeof(uint8_t));
}

/* Potentials to `positions` outputs that start at position `at`. */
static void emit(const akrt_layer *layer, const int32_t *potentials, size_t at, int32_t positions,
                 void *output) {
    const size_t from = at * (size_t)layer->filters;
    if (layer->act == AKRT_ACT_NONE) {
        memcpy((int32_t *)output + from, potentials,
               (size_t)positions * (size_t)layer->filters * sizeof(int32_t));
    } else if (layer->act == AKRT_ACT_SCALE) {
        layer->arch->akrt_act_s32_scale(potentials, &layer->scale, positions, layer->filters,
                                        (uint8_t *)output + from);
    } else if (layer->act == AKRT_ACT_BISECT) {
        layer->arch->akrt_act_s32_bisect(potentials, layer->threshold, layer->step, layer->act_bits,
                                         positions, layer->filters, (uint8_t *)output + from);
    } else {
        layer->arch->akrt_act_s32_levels(potentials, layer->levels, (1 << layer->act_bits) - 1,
                                         positions, layer->filters, (uint8_t *)output + from);
    }
}

/* The output row x: activations if is_fused, else potentials. */
static void run_row(const akrt_layer *layer, const uint8_t *input, int32_t x, void *rows,
                    void *out) {
    const akrt_window *w = &layer->conv;
    if (layer->op == AKRT_CONV) {
        const int32_t used = w->size_x * w->size_y * w->channels;
        int16_t *patch = rows;
        for (int32_t y = 0; y < w->out_y; y++) {
            layer->arch->akrt_patch_u8(w, input, x, y, layer->border, patch);
            memset(patch + used, 0, (size_t)(layer->depth - used) * sizeof *patch);
            patch += layer->depth;
        }
    } else if (layer->wide_depthwise) {
        layer->arch->akrt_dwconv_u8s16_s32(w, input, layer->depthwise, x, layer->depth, rows);
        layer->arch->akrt_matmul_s32s16(rows, layer->weights, w->out_y, layer->depth,
                                        layer->filters, out);
        return;
    } else {
        layer->arch->akrt_dwconv_u8s16_s16(w, input, layer->depthwise, x, layer->depth, rows);
    }
    if (layer->act == AKRT_ACT_LANES) {
        layer->arch->akrt_matmul_s16s16_u8(rows, &layer->lanes, w->out_y, out);
    } else {
        layer->arch->akrt_matmul_s16s16(rows, layer->weights, w->out_y, layer->depth,
                                        layer->filters, out);
    }
}

/* Whether the input is already the matrix that a convolution multiplies. */
static int is_product(const akrt_layer *layer) {
    const akrt_window *w = &layer->conv;
    return w->size_x == 1 && w->size_y == 1 && w->stride_x == 1 && w->stride_y == 1 &&
           w->channels == layer->depth;
}

/* The output rows x .. x + count in bytes: activations if is_fused, else potentials. */
static void run_bytes(const akrt_layer *layer, const scratch_plan *plan, const uint8_t *input,
                      int32_t x, int32_t count, char *scratch, void *out) {
    const akrt_window *w = &layer->conv;
    const akrt_arch *arch = layer->arch;
    uint8_t *rows = (uint8_t *)scratch;
    const uint8_t *a = rows;
    int16_t *rest = NULL;
    uint32_t *spill = NULL;
    const akrt_product *product = &layer->product;
    akrt_product walking;
    akrt_window inner;
    if (layer->op == AKRT_SEPARABLE) {
        rest = (int16_t *)(void *)(scratch + plan->rest);
        spill = (uint32_t *)(void *)(scratch + plan->spill);
        arch->akrt_dwconv_u8s8_u8(w, input, layer->byte_depthwise, layer->offset, x, count,
                                  layer->depth, rows, rest, spill);
    } else if (is_product(layer)) {
        a = input + area(x, w->in_y) * (size_t)w->channels;
    } else if (layer->walks) {
        inner = bordered(w, count);
        akrt_window line = *w; /* a patch is a line with its border */
        line.size_x = line.stride_x = line.out_y = 1;
        line.size_y = inner.in_y;
        const int32_t pitch = inner.in_y * w->channels;
        arch->akrt_patches_u8(&line, input, x * w->stride_x, inner.in_x, (uint8_t)layer->border,
                              pitch, rows);
        walking = *product;
        walking.window = &inner;
        product = &walking;
    } else {
        arch->akrt_patches_u8(w, input, x, count, (uint8_t)layer->border, layer->depth, rows);
    }
    if (layer->act == AKRT_ACT_SHORT) {
        arch->akrt_matmul_u8s8_u8_short(a, rest, spill, product, &layer->short_scale,
                                        count * w->out_y, out);
    } else if (is_fused(layer)) {
        arch->akrt_matmul_u8s8_u8(a, rest, spill, product, &layer->scale, count * w->out_y, out);
    } else {
        arch->akrt_matmul_u8s8_s32(a, rest, spill, product, count * w->out_y, out);
    }
}

/* Adds a tap's share of the depthwise sums, by its sign. */
static void add_parts(const int16_t *AKRT_RESTRICT taps, const int32_t *AKRT_RESTRICT seen,
                      int32_t channels, int32_t *AKRT_RESTRICT positive,
                      int32_t *AKRT_RESTRICT negative) {
    for (int32_t c = 0; c < channels; c++) {
        const int32_t sum = taps[c] * seen[c];
        positive[c] += sum > 0 ? sum : 0;
        negative[c] += sum < 0 ? -sum : 0;
    }
}

/* Sums as two 16-bit parts: low + (high << 15). */
static void split(const int32_t *sums, int32_t n, int16_t *low, int16_t *high) {
    for (int32_t i = 0; i < n; i++) {
        low[i] = (int16_t)(sums[i] & 0x7FFF);
        high[i] = (int16_t)((sums[i] - (sums[i] & 0x7FFF)) / 0x8000);
    }
}

/* The sum over all positions commutes with depthwise and pointwise product, except that it
 * saturates after every addition. Inputs are not negative: with P and N the parts of a channel's
 * depthwise sum that come from its positive and, negated, from its negative taps, no partial sum of
 * a filter exceeds up = P.max(w,0) + N.max(-w,0) nor falls below -down = -(N.max(w,0) +
 * P.max(-w,0)); where these stay within 20 bits nothing saturates and the sum is up - down. Since
 * up - down = (P - N).w and up + down = (P + N).|w|, two products do. Returns 0, and leaves
 * `pooled` undefined, where a sum could saturate. */
static int run_collapsed(const akrt_layer *layer, const uint8_t *input, int32_t *sums,
                         int32_t *pooled) {
    const akrt_window *w = &layer->conv;
    const akrt_arch *arch = layer->arch;
    const int32_t depth = layer->depth, filters = layer->filters;
    int32_t *positive = sums, *negative = sums + depth;
    int16_t *parts = (int16_t *)(void *)(sums + 2 * depth);
    int32_t *difference = sums + 4 * depth, *total = difference + 2 * filters;
    int32_t *seen = total + 2 * filters;
    arch->akrt_window_sums_u8(w, input, seen);
    memset(sums, 0, 2 * (size_t)depth * sizeof *sums);
    for (int32_t tap = 0; tap < w->size_x * w->size_y; tap++) {
        const size_t at = (size_t)tap * (size_t)w->channels;
        add_parts(layer->depthwise + at, seen + at, w->channels, positive, negative);
    }
    for (int32_t k = 0; k < depth; k++) {
        const int32_t p = positive[k], n = negative[k];
        positive[k] = p - n;
        negative[k] = p + n;
    }
    split(positive, depth, parts, parts + depth);
    split(negative, depth, parts + 2 * depth, parts + 3 * depth);
    arch->akrt_matmul_s16s16(parts, layer->weights, 2, depth, filters, difference);
    arch->akrt_matmul_s16s16(parts + 2 * depth, layer->magnitudes, 2, depth, filters, total);
    int32_t fits = 1;
    for (int32_t f = 0; f < filters; f++) {
        const int32_t sum = difference[f] + difference[filters + f] * 0x8000;
        const int32_t both = total[f] + total[filters + f] * 0x8000;
        fits &= ((both + sum) / 2 <= AKRT_POTENTIAL_MAX) & ((sum - both) / 2 >= AKRT_POTENTIAL_MIN);
        pooled[f] = sum;
    }
    return fits;
}

static void run_dense(const akrt_layer *layer, const uint8_t *input, void *output, void *row,
                      int32_t *potentials) {
    const size_t used = akrt_layer_input_size(layer), depth = (size_t)layer->depth;
    if (layer->bytes) {
        if (used != depth) {
            memcpy(row, input, used);
            memset((uint8_t *)row + used, 0, depth - used);
            input = row;
        }
        layer->arch->akrt_matmul_u8s8_s32(input, NULL, NULL, &layer->product, 1, potentials);
    } else {
        int16_t *wide = row;
        for (size_t i = 0; i < used; i++) {
            wide[i] = input[i];
        }
        memset(wide + used, 0, (depth - used) * sizeof *wide);
        layer->arch->akrt_matmul_s16s16(wide, layer->weights, 1, layer->depth, layer->filters,
                                        potentials);
    }
    layer->arch->akrt_saturate_s32(potentials, layer->filters);
    emit(layer, potentials, 0, 1, output);
}

void akrt_layer_run(const akrt_layer *layer, const uint8_t *input, void *output, void *scratch) {
    const scratch_plan plan = plan_scratch(layer);
    const akrt_window *w = &layer->conv;
    int32_t *potentials = (int32_t *)(void *)((char *)scratch + plan.potentials);
    int32_t *pooled = (int32_t *)(void *)((char *)scratch + plan.pooled);
    if (layer->op == AKRT_DENSE) {
        run_dense(layer, input, output, scratch, potentials);
        return;
    }
    if (layer->magnitudes != NULL && run_collapsed(layer, input, potentials, pooled)) {
        emit(layer, pooled, 0, 1, output);
        return;
    }
    if (layer->pool == AKRT_POOL_SUM) {
        memset(pooled, 0, (size_t)layer->filters * sizeof *pooled);
    }
    const int fused = is_fused(layer), whole = layer->pool == AKRT_POOL_MAX;
    uint8_t *activations = layer->activates_first ? (uint8_t *)(void *)pooled : output;
    for (int32_t x = 0; x < w->out_x; x += plan.at_once) {
        const int32_t count = w->out_x - x < plan.at_once ? w->out_x - x : plan.at_once;
        const int32_t positions = count * w->out_y;
        const size_t at = area(x, w->out_y);
        int32_t *sums = potentials;
        if (fused) {
            uint8_t *to = activations + at * (size_t)layer->filters;
            if (in_halves(layer)) {
                layer->arch->akrt_patches_u8(w, input, x, count, (uint8_t)layer->border,
                                             layer->lanes.depth, scratch);
                layer->arch->akrt_matmul_u8s16_u8(scratch, &layer->lanes, positions, to);
            } else if (layer->bytes) {
                run_bytes(layer, &plan, input, x, count, scratch, to);
            } else {
                run_row(layer, input, x, scratch, to);
            }
            continue;
        }
        if (whole && !layer->activates_first) {
            sums += at * (size_t)layer->filters;
        }
        if (layer->bytes) {
            run_bytes(layer, &plan, input, x, count, scratch, sums);
        } else {
            run_row(layer, input, x, scratch, sums);
        }
        if (layer->pool == AKRT_POOL_SUM) {
            layer->arch->akrt_sumpool_s32(sums, positions, layer->filters, pooled);
        } else if (whole && !layer->activates_first) {
            layer->arch->akrt_saturate_s32(sums, positions * layer->filters);
        } else {
            emit(layer, sums, at, positions, activations);
        }
    }
    if (layer->activates_first) {
        layer->arch->akrt_maxpool_u8(&layer->max_pool, activations, output);
        return;
    }
    if (whole) {
        layer->arch->akrt_maxpool_s32(&layer->max_pool, potentials, pooled);
    }
    if (layer->pool != AKRT_POOL_NONE) {
        emit(layer, pooled, 0, (int32_t)output_positions(layer), output);
    }
}

/* An arena is two activation tensors, used in turn, and the scratch of the neediest layer. */
static void arena_sizes(const akrt_network *network, size_t *tensor, size_t *scratch) {
    *tensor = 0;
    *scratch = 0;
    for (int32_t i = 0; i < network->count; i++) {
        const akrt_layer *layer = &network->layers[i];
        const size_t out = aligned(output_bytes(layer));
        const size_t need = akrt_layer_scratch_bytes(layer);
        *tensor = i + 1 < network->count && out > *tensor ? out : *tensor;
        *scratch = need > *scratch ? need : *scratch;
    }
}

size_t akrt_network_arena_bytes(const akrt_network *network) {
    size_t tensor, scratch;
    arena_sizes(network, &tensor, &scratch);
    return 2 * tensor + scratch;
}

void akrt_network_run(const akrt_network *network, const uint8_t *input, int32_t samples,
                      void *output, void *arena) {
    const akrt_layer *last = &network->layers[network->count - 1];
    const size_t in_bytes = akrt_layer_input_size(network->layers);
    const size_t out_bytes = output_bytes(last);
    size_t tensor, scratch;
    arena_sizes(network, &tensor, &scratch);
    for (int32_t n = 0; n < samples; n++) {
        const uint8_t *from = input + (size_t)n * in_bytes;
        for (int32_t i = 0; i < network->count; i++) {
            const akrt_layer *layer = &network->layers[i];
            uint8_t *to = (uint8_t *)arena + (size_t)(i & 1) * tensor;
            if (layer == last) {
                to = (uint8_t *)output + (size_t)n * out_bytes;
            }
            akrt_layer_run(layer, from, to, (uint8_t *)arena + 2 * tensor);
            from = to;
        }
    }
}
