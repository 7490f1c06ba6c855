#include "akrt/network.h"

#include <string.h>

/* Scratch of a layer: `rows` is what the matrix product reads (16-bit, or 32-bit for a wide
 * depthwise), `potentials` what it writes; max pooling keeps them for the whole tensor, everything
 * else for one row of output positions. `pooled` is what comes out of pooling. */
typedef struct scratch_plan {
    size_t potentials, pooled, total;
} scratch_plan;

static size_t aligned(size_t bytes) { return (bytes + 15u) & ~(size_t)15u; }

static size_t area(int32_t x, int32_t y) { return (size_t)x * (size_t)y; }

static scratch_plan plan_scratch(const akrt_layer *layer) {
    const size_t filters = (size_t)layer->filters;
    const size_t row = layer->op == AKRT_DENSE ? 1 : (size_t)layer->conv.out_y;
    const size_t element = layer->wide_depthwise ? sizeof(int32_t) : sizeof(int16_t);
    scratch_plan plan;
    size_t kept = row * filters, pooled = 0;
    if (layer->pool == AKRT_POOL_MAX) {
        kept *= (size_t)layer->conv.out_x;
        pooled = area(layer->max_pool.out_x, layer->max_pool.out_y) * filters;
    } else if (layer->pool == AKRT_POOL_SUM) {
        pooled = filters;
    }
    if (layer->halves != NULL) {
        const size_t collapsed = 4 * (size_t)layer->depth + 2 * filters;
        kept = kept > collapsed ? kept : collapsed;
    }
    plan.potentials = aligned(row * (size_t)layer->depth * element);
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

/* Potentials of the output row x. */
static void run_row(const akrt_layer *layer, const uint8_t *input, int32_t x, void *rows,
                    int32_t *potentials) {
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
                                        layer->filters, potentials);
        return;
    } else {
        layer->arch->akrt_dwconv_u8s16_s16(w, input, layer->depthwise, x, layer->depth, rows);
    }
    layer->arch->akrt_matmul_s16s16(rows, layer->weights, w->out_y, layer->depth, layer->filters,
                                    potentials);
}

/* The sum over all positions commutes with the pointwise product, except that it saturates after
 * every addition. With P and N the sums of the positive and of the negated negative depthwise
 * results, no partial sum of a filter exceeds up = P.max(w,0) + N.max(-w,0) nor falls below
 * -down = -(N.max(w,0) + P.max(-w,0)); where these stay within 20 bits nothing saturates and the
 * sum is up - down. Returns 0, and leaves `pooled` undefined, where they do not. */
static int run_collapsed(const akrt_layer *layer, const uint8_t *input, void *rows, int32_t *sums,
                         int32_t *pooled) {
    const akrt_window *w = &layer->conv;
    const size_t depth = (size_t)layer->depth;
    int32_t *positive = sums, *negative = sums + depth;
    int32_t *up = sums + 4 * depth, *down = up + layer->filters;
    memset(sums, 0, 2 * depth * sizeof *sums);
    for (int32_t x = 0; x < w->out_x; x++) {
        layer->arch->akrt_dwconv_u8s16_s16(w, input, layer->depthwise, x, layer->depth, rows);
        layer->arch->akrt_signed_sums_s16(rows, w->out_y, layer->depth, positive, negative);
    }
    memcpy(sums + 2 * depth, negative, depth * sizeof *sums);
    memcpy(sums + 3 * depth, positive, depth * sizeof *sums);
    layer->arch->akrt_matmul_s32s16(sums, layer->halves, 2, 2 * layer->depth, layer->filters, up);
    int32_t fits = 1;
    for (int32_t f = 0; f < layer->filters; f++) {
        fits &= (up[f] <= AKRT_POTENTIAL_MAX) & (-down[f] >= AKRT_POTENTIAL_MIN);
        pooled[f] = up[f] - down[f];
    }
    return fits;
}

static void run_dense(const akrt_layer *layer, const uint8_t *input, void *output, int16_t *row,
                      int32_t *potentials) {
    const size_t used = akrt_layer_input_size(layer);
    for (size_t i = 0; i < used; i++) {
        row[i] = input[i];
    }
    memset(row + used, 0, ((size_t)layer->depth - used) * sizeof *row);
    layer->arch->akrt_matmul_s16s16(row, layer->weights, 1, layer->depth, layer->filters,
                                    potentials);
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
    if (layer->halves != NULL && run_collapsed(layer, input, scratch, potentials, pooled)) {
        emit(layer, pooled, 0, 1, output);
        return;
    }
    if (layer->pool == AKRT_POOL_SUM) {
        memset(pooled, 0, (size_t)layer->filters * sizeof *pooled);
    }
    for (int32_t x = 0; x < w->out_x; x++) {
        const size_t at = (size_t)x * (size_t)w->out_y;
        if (layer->pool == AKRT_POOL_MAX) {
            int32_t *row = potentials + at * (size_t)layer->filters;
            run_row(layer, input, x, scratch, row);
            layer->arch->akrt_saturate_s32(row, w->out_y * layer->filters);
            continue;
        }
        run_row(layer, input, x, scratch, potentials);
        if (layer->pool == AKRT_POOL_SUM) {
            layer->arch->akrt_sumpool_s32(potentials, w->out_y, layer->filters, pooled);
        } else {
            emit(layer, potentials, at, w->out_y, output);
        }
    }
    if (layer->pool == AKRT_POOL_MAX) {
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
