/* The kernels of AKRT_ARCH as one table, which core/akrt_arch.c lists. */
#include "akrt/arch.h"

extern const akrt_kernels AKRT_FN(akrt_kernels);
const akrt_kernels AKRT_FN(akrt_kernels) = {
#define AKRT_KERNEL(kernel, arguments) .kernel = AKRT_FN(kernel),
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};
