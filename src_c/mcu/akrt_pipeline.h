#ifndef AKRT_PIPELINE_H
#define AKRT_PIPELINE_H
#include "akrt_lines.h"
#include "akrt_tick.h"
/* Layers that pass lines on to one another: memory holds the lines of a tensor that are still
 * needed, and no more. */

/* A tensor: the one that a pipeline reads, then those that its stages write. */
typedef struct akrt_line_tensor {
    int32_t
        offset;    /* in the memory of the pipeline, in bytes; of no use where it is the caller's */
    int32_t pitch; /* bytes from one line to the next */
    int32_t held;  /* lines that memory holds: line x lies at x modulo held */
} akrt_line_tensor;

/* The stage makes line x of tensor `target` from `taps` lines of its sources from x * stride -
 * before on, once there are `reach` of them or all. */
typedef struct akrt_stage {
    akrt_line_kernel kernel;
    const akrt_mcu_layer *layer;
    int32_t first, second; /* tensors; the second -1: there is none */
    int32_t in_lines, out_lines;
    int32_t taps, reach, stride, before;
} akrt_stage;

typedef struct akrt_pipeline {
    const akrt_stage *stages;
    const akrt_line_tensor *tensors; /* stages + 1 */
    int32_t count;                   /* of stages */
    int32_t scratch;                 /* offset in the memory, in bytes */
} akrt_pipeline;

/* Where a pipeline works. `memory` begins with the numbers of lines made, by tensor. */
typedef struct akrt_pipeline_memory {
    uint8_t *source; /* is read only */
    int32_t held;    /* lines of the source that there is memory for */
    uint8_t *target;
    uint8_t *memory;
} akrt_pipeline_memory;

static inline int32_t *akrt_lines_made(const akrt_pipeline_memory *m) {
    return (int32_t *)(void *)m->memory;
}

static void akrt_pipeline_begin(const akrt_pipeline *pipeline, const akrt_pipeline_memory *m) {
    memset(m->memory, 0, (size_t)(pipeline->count + 1) * sizeof(int32_t));
}

/* Line `x` of a tensor. */
static uint8_t *akrt_line_of(const akrt_pipeline *pipeline, const akrt_pipeline_memory *m,
                             int32_t tensor, int32_t x) {
    const akrt_line_tensor *const t = &pipeline->tensors[tensor];
    if (tensor == 0) {
        return m->source + x % m->held * t->pitch;
    }
    return (tensor == pipeline->count ? m->target : m->memory + t->offset) + x % t->held * t->pitch;
}

/* Whether stage `s` has more to do and what it needs for it. */
static int32_t akrt_stage_ready(const akrt_pipeline *pipeline, const int32_t *made, int32_t s) {
    const akrt_stage *const stage = &pipeline->stages[s];
    const int32_t x = made[s + 1];
    int32_t needed = x * stage->stride - stage->before + stage->reach;
    if (needed > stage->in_lines) {
        needed = stage->in_lines;
    }
    return x < stage->out_lines && made[stage->first] >= needed &&
           (stage->second < 0 || made[stage->second] >= needed);
}

/* Makes one line, the furthest from the source that can be made. Returns the stage, or -1 if there
 * is nothing to do until there are more lines of the source. */
AKRT_LAYER static int32_t akrt_next_line(const akrt_pipeline *pipeline,
                                         const akrt_pipeline_memory *m) {
    int32_t *const made = akrt_lines_made(m);
    for (int32_t s = pipeline->count; s-- > 0;) {
        const akrt_stage *const stage = &pipeline->stages[s];
        const void *lines[AKRT_LINES_MOST];
        int32_t from;
        uint8_t *target;
        if (!akrt_stage_ready(pipeline, made, s)) {
            continue;
        }
        from = made[s + 1] * stage->stride - stage->before;
        for (int32_t i = 0; i < stage->taps; i++) {
            const int32_t x = from + i;
            lines[i] = NULL;
            if (x >= 0 && x < stage->in_lines) {
                lines[i] = akrt_line_of(pipeline, m, stage->first, x);
            }
        }
        if (stage->second >= 0) {
            lines[1] = akrt_line_of(pipeline, m, stage->second, from);
        }
        target = akrt_line_of(pipeline, m, s + 1, made[s + 1]);
        if (stage->layer->emits == AKRT_EMITS_SUMS && made[s + 1] == 0) {
            memset(target, 0, (size_t)pipeline->tensors[s + 1].pitch);
        }
        stage->kernel(stage->layer, lines, target,
                      (int32_t *)(void *)(m->memory + pipeline->scratch));
        made[s + 1]++;
        AKRT_TICK();
        return s;
    }
    return -1;
}
#endif
