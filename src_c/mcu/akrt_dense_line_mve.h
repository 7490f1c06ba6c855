#ifndef AKRT_DENSE_LINE_MVE_H
#define AKRT_DENSE_LINE_MVE_H
#include "akrt_emit_mve.h"
#include "akrt_tick.h"
#if AKRT_MVE
/* A fully connected layer. Its input is one block of lines; weights are those of
 * akrt_vector_nibbles. scratch: eight words. */
#define AKRT_DENSE_LINE_SCRATCH_WORDS 8

#define AKRT_DENSE_PAIRS(inputs)                                                                   \
    "vldrb.u8 q0, [r1], #16\n\t"                                                                   \
    "vshl.i8 q2, q0, #4\n\t"                                                                       \
    "vmladava.s8 r8, q0, " inputs "\n\t"                                                           \
    "vldrb.u8 q1, [r1], #16\n\t"                                                                   \
    "vmladava.s8 r4, q2, " inputs "\n\t"                                                           \
    "vshl.i8 q3, q1, #4\n\t"                                                                       \
    "vmladava.s8 r10, q1, " inputs "\n\t"                                                          \
    "vmladava.s8 r6, q3, " inputs "\n\t"
/* Sums of four filters, as akrt_vector_nibbles has them: filters 0 and 2, four words on 1 and 3. */
__attribute__((noinline)) static void
akrt_vector_dense(const uint8_t *inputs, const uint8_t *weights, int32_t bytes, int32_t *sums) {
    register const uint8_t *a __asm__("r0") = inputs;
    register const uint8_t *w __asm__("r1") = weights;
    register int32_t n __asm__("r2") = bytes;
    register int32_t *to __asm__("r3") = sums;
    __asm__ volatile("movs r4, #0\n\t"
                     "movs r6, #0\n\t"
                     "mov r8, #0\n\t"
                     "mov r10, #0\n\t"
                     "vmov.i8 q6, #15\n\t"
                     "dlstp.8 lr, r2\n\t"
                     "1:\n\t"
                     "vldrb.u8 q4, [r0], #16\n\t"
                     "vshr.u8 q5, q4, #4\n\t"
                     "vand q4, q4, q6\n\t" AKRT_DENSE_PAIRS("q4")
                         AKRT_DENSE_PAIRS("q5") "letp lr, 1b\n\t"
                                                "strd r4, r6, [r3]\n\t"
                                                "strd r8, r10, [r3, #16]\n\t"
                     : "+r"(a), "+r"(w), "+r"(n), "+r"(to)
                     :
                     : "r4", "r6", "r8", "r10", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6",
                       "cc", "memory");
}
#undef AKRT_DENSE_PAIRS

AKRT_LAYER static void akrt_dense_line(const akrt_mcu_layer *layer, const void *const *lines,
                                       void *target, int32_t *scratch) {
    const akrt_mcu_window *w = &layer->conv;
    const int32_t bytes = 4 * w->in_x * w->in_y * AKRT_LINE_WORDS(w->channels);
    const int32_t step = (bytes + 15) >> 4 << 6;
    const uint8_t *weights = (const uint8_t *)layer->weights;
    const akrt_vector_lanes to = akrt_vector_lanes_of(layer, 0);
    akrt_vector_run run;
    int32_t done = 0;
    run.groups = run.count = 1;
    run.y = run.pairs = run.parted = 0;
    for (run.filter = 0; run.filter < layer->filters; run.filter += 8) {
        const uint8_t *const input = (const uint8_t *)lines[0];
        vst1q_s32(scratch, vdupq_n_s32(0));
        vst1q_s32(scratch + 4, vdupq_n_s32(0));
        akrt_vector_dense(input, weights, bytes, scratch);
        if (layer->filters - run.filter > 4) {
            akrt_vector_dense(input, weights + step, bytes, scratch + 2);
        }
        weights += 2 * step;
        akrt_emit_vectors(layer, &run, &to, scratch, target);
        AKRT_TICK_WORK(done, bytes);
    }
}
#endif
#endif
