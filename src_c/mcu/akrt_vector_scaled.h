#ifndef AKRT_VECTOR_SCALED_H
#define AKRT_VECTOR_SCALED_H
#include "akrt_vector_products.h"
#if AKRT_MVE
/* Helium: the activations of groups of eight potentials, of even filters, then of odd ones, by
 * multiply-add, or by the high word of the product. */

/* Shifted left by 28, clipped to 32 bits without a sign, four bits are at the top. */
#define AKRT_SCALED_ASM(parts, product, step, half)                                                \
    __asm__ volatile("dls lr, %[n]\n\t"                                                            \
                     "1:\n\t"                                                                      \
                     "vldrw.u32 q0, [%[sums]], #16\n\t"                                            \
                     "vldrw.u32 q2, [%q[table], #" step "]!\n\t"                                   \
                     "vldrw.u32 q1, [%[sums]], #16\n\t" parts                                      \
                     "vldrw.u32 q3, [%q[table], #4]\n\t" product(                                  \
                         "q0") "vldrw.u32 q2, [%q[table], #8]\n\t"                                 \
                               "vadd.i32 q0, q0, q3\n\t"                                           \
                               "vldrw.u32 q3, [%q[table], #12]\n\t" product(                       \
                                   "q1") "vshl.s32 q0, %[shift]\n\t"                               \
                                         "vadd.i32 q1, q1, q3\n\t"                                 \
                                         "vqshlu.s32 q0, q0, #28\n\t"                              \
                                         "vshl.s32 q1, %[shift]\n\t"                               \
                                         "vqshlu.s32 q1, q1, #28\n\t"                              \
                                         "vsri.32 q1, q0, #4\n\t"                                  \
                                         "vshr.u32 q1, q1, #24\n\t"                                \
                                         "vstrb.32 q1, [%[to], %q[at]]\n\t"                        \
                                         "adds %[to], #" half "\n\t"                               \
                                         "le lr, 1b"                                               \
                     : [sums] "+r"(sums), [table] "+w"(table), [to] "+r"(to)                       \
                     : [n] "r"(groups), [shift] "r"(shift), [at] "w"(at)                           \
                     : "lr", "q0", "q1", "q2", "q3", "cc", "memory")
#define AKRT_SCALED_LOW(p) "vmul.i32 " p ", " p ", q2\n\t"
#define AKRT_SCALED_HIGH(p) "vshl.i32 " p ", " p ", #11\n\tvmulh.s32 " p ", " p ", q2\n\t"
#define AKRT_SCALED_PART "vshr.s32 q0, q0, #4\n\tvsub.i32 q1, q1, q0\n\tvshr.s32 q1, q1, #4\n\t"

/* table: the addresses of the even filters' akrt_requant, less those of a group; at: where the
 * bytes of two filters go, counted from `to`. Returns where the target is then. pairs: of two
 * positions, of four filters; else of one position, of eight. parted: 0 for sums of
 * akrt_vector_nibbles. Both are known to the compiler. */
static inline uint8_t *akrt_vector_scaled(const akrt_mcu_layer *layer, uint32x4_t table,
                                          uint32x4_t at, const int32_t *sums, int32_t groups,
                                          int32_t pairs, int32_t parted, uint8_t *to) {
    const int32_t shift = -(int32_t)layer->activation.shift;
    if (layer->activation.form == AKRT_FORM_MULADD) {
        if (parted) {
            AKRT_SCALED_ASM("", AKRT_SCALED_LOW, "32", "2");
        } else if (pairs) {
            AKRT_SCALED_ASM(AKRT_SCALED_PART, AKRT_SCALED_LOW, "32", "2");
        } else {
            AKRT_SCALED_ASM(AKRT_SCALED_PART, AKRT_SCALED_LOW, "64", "4");
        }
    } else if (parted) {
        AKRT_SCALED_ASM("", AKRT_SCALED_HIGH, "32", "2");
    } else if (pairs) {
        AKRT_SCALED_ASM(AKRT_SCALED_PART, AKRT_SCALED_HIGH, "32", "2");
    } else {
        AKRT_SCALED_ASM(AKRT_SCALED_PART, AKRT_SCALED_HIGH, "64", "4");
    }
    return to;
}
#undef AKRT_SCALED_ASM
#undef AKRT_SCALED_LOW
#undef AKRT_SCALED_HIGH
#undef AKRT_SCALED_PART
#endif
#endif
