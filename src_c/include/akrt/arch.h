/* akrt: the kernels of one architecture, and the choice of one. */
#ifndef AKRT_ARCH_H
#define AKRT_ARCH_H

#include "akrt/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct akrt_kernels {
#define AKRT_KERNEL(kernel, arguments) void(*kernel) arguments;
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
} akrt_kernels;

/* archs.inc lists them. */
typedef struct akrt_arch {
    const char *name;
    const akrt_kernels *kernels;
    int32_t filter_block; /* how akrt_matmul_s16s16 wants its weights: kernels.inc */
    int32_t byte_block;   /* how akrt_matmul_u8s8_* want theirs */
    int32_t byte_pair;    /* largest sum of two products that they take; 0: plans use 16 bits */
    int32_t lanes;        /* whether plans use the kernels that take an akrt_lanes */
    int32_t walks;        /* whether they take a window: akrt_product */
    int32_t scales; /* whether plans use the kernels that make outputs of Akida 2.0 of products */
} akrt_arch;

/* The architectures built in, best first; the last is plain C. NULL beyond the last. */
const akrt_arch *akrt_arch_at(int32_t index);

/* Whether this CPU can run it. */
int akrt_arch_usable(const akrt_arch *arch);

#ifdef __cplusplus
}
#endif
#endif
