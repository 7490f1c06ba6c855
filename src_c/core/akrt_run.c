#include "core/akrt_collapsed.h"
#include "core/akrt_exact.h"
#include "core/akrt_products.h"
#include "core/akrt_temporal.h"

#include <string.h>

/* Potentials to `positions` outputs that start at position `at`. */
static void emit(const akrt_layer *layer, const int32_t *potentials, size_t at, int32_t positions,
                 void *output) {
    const akrt_kernels *kernels = layer->kernels;
    const akrt_activations *of = &layer->activation.of;
    const int32_t filters = layer->filters;
    const size_t from = at * (size_t)filters;
    uint8_t *out = (uint8_t *)output + from;
    switch (layer->activation.kind) {
    case AKRT_ACT_LEVELS:
        kernels->akrt_act_s32_levels(potentials, of->levels.levels, of->levels.count, positions,
                                     filters, out);
        break;
    case AKRT_ACT_BISECT:
        kernels->akrt_act_s32_bisect(potentials, of->bisect.threshold, of->bisect.step,
                                     of->bisect.bits, positions, filters, out);
        break;
    case AKRT_ACT_SCALE:
        kernels->akrt_act_s32_scale(potentials, &of->scale, positions, filters, out);
        break;
    case AKRT_ACT_SCALED:
        kernels->akrt_act_s32_scaled(potentials, &of->scaled, positions, filters, out);
        break;
    case AKRT_ACT_FINISH:
        akrt_finish_sums(&of->finish, potentials, positions, filters, from, output);
        break;
    case AKRT_ACT_POTENTIALS:
        memcpy((int32_t *)output + from, potentials,
               (size_t)positions * (size_t)filters * sizeof(int32_t));
        break;
    case AKRT_ACT_FUSED_SCALE: /* there are no potentials */
    case AKRT_ACT_FUSED_SHORT:
    case AKRT_ACT_FUSED_LANES:
    case AKRT_ACT_FUSED_SCALED:
        break;
    }
}

/* The output rows x .. x + count as outputs in `to`. */
static void run_rows(const akrt_layer *layer, const uint8_t *input, int32_t x, int32_t count,
                     uint8_t *scratch, void *to) {
    const int32_t out_y = layer->operation.of.spatial.window.out_y;
    const size_t at = akrt_area(x, out_y);
    if (layer->activation.kind >= AKRT_ACT_FUSED_SCALE) {
        akrt_multiply_rows(layer, input, x, count, scratch,
                           (uint8_t *)to + at * (size_t)layer->filters);
    } else {
        int32_t *potentials = (int32_t *)(void *)(scratch + layer->scratch.potentials);
        akrt_multiply_rows(layer, input, x, count, scratch, potentials);
        emit(layer, potentials, at, count * out_y, to);
    }
}

/* The windows of a max pooling that make its rows from .. to; they lie over the rows from *x to
 * before *end. */
static akrt_window pooled_part(const akrt_window *w, int32_t from, int32_t to, int32_t *x,
                               int32_t *end) {
    const int32_t start = from * w->stride_x - w->pad_x;
    const int32_t stop = (to - 1) * w->stride_x - w->pad_x + w->size_x;
    akrt_window part = *w;
    *x = start > 0 ? start : 0;
    *end = stop < w->in_x ? stop : w->in_x;
    part.in_x = *end - *x;
    part.out_x = to - from;
    part.pad_x = *x - start;
    return part;
}

/* The windows of max pooling, or NULL. */
static const akrt_window *max_window(const akrt_spatial *s) {
    switch (s->pooling.kind) {
    case AKRT_POOL_MAX:
        return &s->pooling.of.max;
    case AKRT_POOL_MAX_ACTIVATED:
        return &s->pooling.of.max_activated;
    case AKRT_POOL_MAX_SUMS:
        return &s->pooling.of.max_sums;
    default:
        return NULL;
    }
}

/* Signed bytes plus 128. */
static void flip(const uint8_t *AKRT_RESTRICT input, size_t n, uint8_t *AKRT_RESTRICT out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)(input[i] ^ 128u);
    }
}

/* Bytes times the factors of their channels. */
static void lift(const uint8_t *AKRT_RESTRICT input, const uint8_t *AKRT_RESTRICT factors,
                 size_t positions, size_t channels, uint8_t *AKRT_RESTRICT out) {
    for (size_t p = 0; p < positions; p++) {
        for (size_t c = 0; c < channels; c++) {
            *out++ = (uint8_t)(*input++ * factors[c]);
        }
    }
}

/* The output rows from .. to, or a sum over all positions. */
static void run_spatial(const akrt_layer *layer, const uint8_t *input, int32_t from, int32_t to,
                        void *output, uint8_t *scratch) {
    const akrt_kernels *kernels = layer->kernels;
    const akrt_spatial *s = &layer->operation.of.spatial;
    const akrt_window *w = &s->window, *max = max_window(s);
    const size_t filters = (size_t)layer->filters;
    int32_t *potentials = (int32_t *)(void *)(scratch + layer->scratch.potentials);
    int32_t *pooled = (int32_t *)(void *)(scratch + layer->scratch.pooled);
    const akrt_pool pool = s->pooling.kind;
    if (s->flip) {
        uint8_t *const flipped = scratch + layer->scratch.flipped;
        flip(input, akrt_area(w->in_x, w->in_y) * (size_t)w->channels, flipped);
        input = flipped;
    } else if (s->lift != NULL) {
        uint8_t *const lifted = scratch + layer->scratch.flipped;
        lift(input, s->lift, akrt_area(w->in_x, w->in_y), (size_t)w->channels, lifted);
        input = lifted;
    }
    if (pool == AKRT_POOL_COLLAPSED &&
        akrt_collapsed_sum(kernels, w, &s->pooling.of.collapsed, input, potentials, pooled)) {
        emit(layer, pooled, 0, 1, output);
        return;
    }
    if (pool == AKRT_POOL_SUM || pool == AKRT_POOL_COLLAPSED || pool >= AKRT_POOL_SUM_CLIPPED) {
        memset(pooled, 0, filters * sizeof *pooled);
    }
    int32_t begin = from, end = to, count;
    const akrt_window part = max == NULL ? *w : pooled_part(max, from, to, &begin, &end);
    for (int32_t x = begin; x < end; x += count) {
        const int32_t left = end - x;
        count = left < layer->scratch.at_once ? left : layer->scratch.at_once;
        const int32_t positions = count * w->out_y;
        switch (pool) {
        case AKRT_POOL_NONE:
            run_rows(layer, input, x, count, scratch, output);
            break;
        case AKRT_POOL_MAX_ACTIVATED:
            run_rows(layer, input, x, count, scratch, pooled);
            break;
        case AKRT_POOL_MAX: {
            int32_t *sums = potentials + akrt_area(x, w->out_y) * filters;
            akrt_multiply_rows(layer, input, x, count, scratch, sums);
            kernels->akrt_saturate_s32(sums, positions * layer->filters);
            break;
        }
        case AKRT_POOL_SUM:
        case AKRT_POOL_COLLAPSED:
            akrt_multiply_rows(layer, input, x, count, scratch, potentials);
            kernels->akrt_sumpool_s32(potentials, positions, layer->filters, pooled);
            break;
        case AKRT_POOL_MAX_SUMS:
            akrt_multiply_rows(layer, input, x, count, scratch,
                               potentials + akrt_area(x, w->out_y) * filters);
            break;
        case AKRT_POOL_SUM_CLIPPED: {
            const akrt_clipped *c = &s->pooling.of.sum_clipped;
            akrt_multiply_rows(layer, input, x, count, scratch, potentials);
            kernels->akrt_clipsum_s32(potentials, c->start, c->low, c->high, positions,
                                      layer->filters, pooled);
            break;
        }
        case AKRT_POOL_SUM_FINISHED:
            akrt_multiply_rows(layer, input, x, count, scratch, potentials);
            akrt_finish_add(&layer->activation.of.finish, potentials, positions, layer->filters,
                            pooled);
            break;
        }
    }
    const size_t skipped = akrt_area(begin, w->out_y) * filters, at = akrt_area(from, part.out_y);
    if (pool == AKRT_POOL_MAX_ACTIVATED) {
        kernels->akrt_maxpool_u8(&part, (uint8_t *)(void *)pooled + skipped,
                                 (uint8_t *)output + at * filters);
    } else if (pool == AKRT_POOL_SUM_CLIPPED || pool == AKRT_POOL_SUM_FINISHED) {
        akrt_finish_total(&layer->activation.of.finish, pooled, layer->filters, output);
    } else if (pool == AKRT_POOL_MAX || pool == AKRT_POOL_MAX_SUMS) {
        kernels->akrt_maxpool_s32(&part, potentials + skipped, pooled);
        emit(layer, pooled, at, part.out_x * part.out_y, output);
    } else if (pool != AKRT_POOL_NONE) {
        emit(layer, pooled, 0, 1, output);
    }
}

/* The positions from .. to. */
static void run_add(const akrt_layer *layer, const uint8_t *const inputs[2], int32_t from,
                    int32_t to, void *output, int32_t *potentials) {
    const int32_t filters = layer->filters;
    int32_t count;
    for (int32_t at = from; at < to; at += count) {
        const size_t begin = akrt_area(at, filters);
        count = to - at < layer->scratch.at_once ? to - at : layer->scratch.at_once;
        layer->kernels->akrt_add_u8_s32(inputs[0] + begin, inputs[1] + begin, count * filters,
                                        potentials);
        emit(layer, potentials, (size_t)at, count, output);
    }
}

static void run_dense_bytes(const akrt_layer *layer, const uint8_t *input, uint8_t *row,
                            int32_t *potentials) {
    const akrt_dense_bytes *d = &layer->operation.of.dense_bytes;
    if (d->inputs != d->product.depth) {
        memcpy(row, input, (size_t)d->inputs);
        memset(row + d->inputs, 0, (size_t)(d->product.depth - d->inputs));
        input = row;
    }
    layer->kernels->akrt_matmul_u8s8_s32(input, NULL, NULL, &d->product, 1, potentials);
}

static void run_dense_short(const akrt_layer *layer, const uint8_t *input, int16_t *row,
                            int32_t *potentials) {
    const akrt_dense_short *d = &layer->operation.of.dense_short;
    const akrt_short_product *p = &d->product;
    for (int32_t i = 0; i < d->inputs; i++) {
        row[i] = input[i];
    }
    memset(row + d->inputs, 0, (size_t)(p->depth - d->inputs) * sizeof *row);
    layer->kernels->akrt_matmul_s16s16(row, p->weights, 1, p->depth, p->filters, potentials);
}

void akrt_layer_run(const akrt_layer *layer, const uint8_t *const inputs[2], void *output,
                    void *memory, void *scratch) {
    int32_t *potentials = (int32_t *)(void *)((uint8_t *)scratch + layer->scratch.potentials);
    const akrt_ops *of = &layer->operation.of;
    switch (layer->operation.kind) {
    case AKRT_OP_SPATIAL: {
        const akrt_spatial *s = &layer->operation.of.spatial;
        const akrt_window *max = max_window(s);
        const uint8_t *seen = inputs[0];
        if (layer->recall.steps != 0) {
            uint8_t *const recalled = (uint8_t *)scratch + layer->scratch.recalled;
            akrt_recall_inputs(&layer->recall, inputs[0], memory, recalled);
            seen = recalled;
        }
        run_spatial(layer, seen, 0, max == NULL ? s->window.out_x : max->out_x, output, scratch);
        return;
    }
    case AKRT_OP_ADD:
        run_add(layer, inputs, 0, layer->operation.of.add.positions, output, potentials);
        return;
    case AKRT_OP_DENSE_BYTES:
        run_dense_bytes(layer, inputs[0], scratch, potentials);
        break;
    case AKRT_OP_DENSE_SHORT:
        run_dense_short(layer, inputs[0], scratch, potentials);
        break;
    case AKRT_OP_SHIFTED_ADD:
        akrt_run_shifted_add(&of->shifted_add, layer->filters, inputs, output);
        return;
    case AKRT_OP_CONCATENATE:
        akrt_run_concatenate(&of->concatenate, inputs, output);
        return;
    case AKRT_OP_QUANTISE:
        akrt_run_quantise(&of->quantise, layer->filters, inputs[0], output);
        return;
    case AKRT_OP_DEQUANTISE:
        akrt_run_dequantise(&of->dequantise, layer->filters, inputs[0], output);
        return;
    case AKRT_OP_COMPARE:
        akrt_run_compare(&of->compare, layer->filters, inputs, output);
        return;
    case AKRT_OP_RECURRENT:
        akrt_run_recurrent(layer, inputs[0], memory, scratch, potentials);
        emit(layer, potentials, 0, of->recurrent.steps / of->recurrent.subsample, output);
        return;
    }
    layer->kernels->akrt_saturate_s32(potentials, layer->filters);
    emit(layer, potentials, 0, 1, output);
}

void akrt_layer_run_rows(const akrt_layer *layer, const uint8_t *const inputs[2], int32_t from,
                         int32_t to, int32_t rows, void *output, void *scratch) {
    int32_t *potentials = (int32_t *)(void *)((uint8_t *)scratch + layer->scratch.potentials);
    if (layer->operation.kind == AKRT_OP_ADD) {
        const int32_t row = layer->operation.of.add.positions / rows;
        run_add(layer, inputs, from * row, to * row, output, potentials);
    } else {
        run_spatial(layer, inputs[0], from, to, output, scratch);
    }
}

void akrt_layer_potentials(const akrt_layer *layer, const uint8_t *input, int32_t from, int32_t to,
                           int32_t *potentials, void *scratch) {
    const size_t row = akrt_area(layer->operation.of.spatial.window.out_y, layer->filters);
    int32_t count;
    for (int32_t x = from; x < to; x += count) {
        count = to - x < layer->scratch.at_once ? to - x : layer->scratch.at_once;
        akrt_multiply_rows(layer, input, x, count, scratch, potentials + (size_t)x * row);
    }
}

void akrt_layer_sum(const akrt_layer *layer, const int32_t *potentials, void *output,
                    void *scratch) {
    const int32_t positions =
        layer->operation.of.spatial.window.out_x * layer->operation.of.spatial.window.out_y;
    int32_t *pooled = (int32_t *)(void *)((uint8_t *)scratch + layer->scratch.pooled);
    memset(pooled, 0, (size_t)layer->filters * sizeof *pooled);
    layer->kernels->akrt_sumpool_s32(potentials, positions, layer->filters, pooled);
    emit(layer, pooled, 0, 1, output);
}

void akrt_network_run(const akrt_network *network, const uint8_t *input, int32_t samples,
                      void *output, void *memory, void *arena) {
    uint8_t *const tensors = arena;
    for (int32_t n = 0; n < samples; n++) {
        const uint8_t *const sample = input + (size_t)n * network->input_bytes;
        uint8_t *const result = (uint8_t *)output + (size_t)n * network->output_bytes;
        for (int32_t i = 0; i < network->count; i++) {
            const akrt_node *node = network->nodes + i;
            const uint8_t *inputs[2];
            for (int k = 0; k < 2; k++) {
                const size_t at = node->inputs[k];
                inputs[k] = at == AKRT_CALLER ? sample : tensors + at;
            }
            akrt_layer_run(
                &node->layer, inputs, node->output == AKRT_CALLER ? result : tensors + node->output,
                memory == NULL ? NULL : (uint8_t *)memory + node->memory, tensors + node->scratch);
        }
    }
}
