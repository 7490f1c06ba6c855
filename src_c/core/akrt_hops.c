#include "akrt/network.h"

#include <string.h>

/* A node whose rows are kept; `follows`: what it keeps is of the window before. */
static void run_kept(const akrt_hop_node *node, const uint8_t *const inputs[2], int32_t follows,
                     uint8_t *rows, void *output, void *scratch) {
    const akrt_layer *layer = &node->node.layer;
    const akrt_kept *k = &node->kept;
    const int32_t first = follows ? k->first : 0, come = follows ? k->come : 0;
    const int32_t sums = layer->operation.kind == AKRT_OP_SPATIAL &&
                         layer->operation.of.spatial.pooling.kind == AKRT_POOL_SUM;
    const int32_t ends[2][2] = {{0, first}, {come, k->rows}};
    if (follows) {
        memmove(rows + (size_t)first * k->row_bytes,
                rows + (size_t)(first + k->moved) * k->row_bytes,
                (size_t)(come - first) * k->row_bytes);
    }
    for (int32_t i = 0; i < 2; i++) {
        const int32_t from = ends[i][0], to = ends[i][1];
        if (from == to) {
            continue;
        }
        if (sums) {
            akrt_layer_potentials(layer, inputs[0], from, to, (int32_t *)(void *)rows, scratch);
        } else {
            akrt_layer_run_rows(layer, inputs, from, to, k->rows, rows, scratch);
        }
    }
    if (sums) {
        akrt_layer_sum(layer, (const int32_t *)(const void *)rows, output, scratch);
    }
}

/* Where the tensor at an offset lies that is not the caller's. */
static uint8_t *place(const akrt_hops *hops, size_t at, uint8_t *kept, uint8_t *arena) {
    return at < hops->arena_bytes ? arena + at : kept + (at - hops->arena_bytes);
}

static void run_hop(const akrt_hops *hops, const uint8_t *sample, int32_t follows, uint8_t *result,
                    uint8_t *kept, uint8_t *arena) {
    for (int32_t i = 0; i < hops->count; i++) {
        const akrt_hop_node *hop = hops->nodes + i;
        const akrt_node *node = &hop->node;
        const size_t at = node->output;
        uint8_t *const output = at == AKRT_CALLER ? result : place(hops, at, kept, arena);
        const uint8_t *inputs[2];
        for (int k = 0; k < 2; k++) {
            const size_t from = node->inputs[k];
            inputs[k] = from == AKRT_CALLER ? sample : place(hops, from, kept, arena);
        }
        if (hop->kept.rows == 0) {
            akrt_layer_run(&node->layer, inputs, output, NULL, arena + node->scratch);
            continue;
        }
        run_kept(hop, inputs, follows, place(hops, hop->kept.at, kept, arena), output,
                 arena + node->scratch);
        if (i == hops->count - 1 && at != AKRT_CALLER) { /* what the network gives is kept */
            memcpy(result, output, hops->output_bytes);
        }
    }
}

void akrt_hops_run(const akrt_hops *hops, const uint8_t *input, int32_t samples, void *output,
                   void *kept, void *arena) {
    int32_t *const begun = kept;
    uint8_t *const before = (uint8_t *)kept + AKRT_ALIGNMENT;
    const size_t moved = hops->moved_bytes;
    for (int32_t n = 0; n < samples; n++) {
        const uint8_t *const sample = input + (size_t)n * hops->input_bytes;
        const int32_t follows =
            *begun && memcmp(before + moved, sample, hops->input_bytes - moved) == 0;
        run_hop(hops, sample, follows, (uint8_t *)output + (size_t)n * hops->output_bytes, kept,
                arena);
        memcpy(before, sample, hops->input_bytes);
        *begun = 1;
    }
}
