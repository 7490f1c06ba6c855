#ifndef AKRT_VECTOR_PRODUCTS_H
#define AKRT_VECTOR_PRODUCTS_H
#include "akrt_lines.h"
#if AKRT_MVE
/* Helium: sums of two positions for groups of four filters, 16 inputs of a filter to an
 * instruction. VMLADAVA adds to even registers only: eight of them hold the sums of a group.
 *
 * `sums` are (groups, 8), added to: those of the first position for filters 0 and 2, of the second
 * position for 0 and 2, then both for 1 and 3. Weights of at most 4 bits share a byte, 16 times
 * filter 1 (3) plus filter 0 (2): a byte's low nibble, shifted to its top, is 16 times the other.
 */
#define AKRT_GROUP_FILTERS 4
#define AKRT_FILTER_GROUPS(filters) (((int32_t)(filters) + 3) >> 2)
#define AKRT_GROUP_SUMS 8

static inline void akrt_vector_zero(int32_t *sums, int32_t groups) {
    do {
        vst1q_s32(sums, vdupq_n_s32(0));
        vst1q_s32(sums + 4, vdupq_n_s32(0));
        sums += AKRT_GROUP_SUMS;
    } while (--groups > 0);
}

/* r9: the number of groups, less one, above that of steps. r7 may be the frame's and is not used.
 */
#define AKRT_GROUPS_ASM(step, bytes)                                                               \
    register const void *a __asm__("r1") = patch;                                                  \
    register const void *w __asm__("r3") = weights;                                                \
    register uint32_t n __asm__("r9") = (uint32_t)(groups - 1) << 16 | (uint32_t)steps;            \
    register int32_t *to __asm__("r11") = sums;                                                    \
    __asm__ volatile("1:\n\t"                                                                      \
                     "ldm r11, {r0, r2, r4, r6, r8, r10, r12, lr}\n\t"                             \
                     "uxth r5, r9\n\t"                                                             \
                     "2:\n\t" step "subs r5, #1\n\t"                                               \
                     "bne 2b\n\t"                                                                  \
                     "uxth r5, r9\n\t"                                                             \
                     "stm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}\n\t"                            \
                     "sub r1, r1, r5, lsl #" bytes "\n\t"                                          \
                     "subs r9, r9, #0x10000\n\t"                                                   \
                     "bpl 1b\n\t"                                                                  \
                     : "+r"(a), "+r"(w), "+r"(n), "+r"(to)                                         \
                     :                                                                             \
                     : "r0", "r2", "r4", "r5", "r6", "r8", "r10", "r12", "lr", "q0", "q1", "q2",   \
                       "q3", "q4", "q5", "q6", "q7", "cc", "memory")
#endif
#endif
