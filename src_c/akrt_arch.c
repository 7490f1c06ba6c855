#include "akrt/arch.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define AKRT_X86 1
#endif

#define AKRT_KERNEL(kernel, arguments) void kernel##__avx512 arguments;
#ifdef AKRT_X86
#include "akrt/kernels.inc"
#endif
#undef AKRT_KERNEL
#define AKRT_KERNEL(kernel, arguments) void kernel##__avx2 arguments;
#ifdef AKRT_X86
#include "akrt/kernels.inc"
#endif
#undef AKRT_KERNEL

#ifdef AKRT_X86
static const akrt_arch avx512 = {
    "avx512",
    16,
    16,
    INT32_MAX,
#define AKRT_KERNEL(kernel, arguments) kernel##__avx512,
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};
static const akrt_arch avx2 = {
    "avx2",
    8,
    8,
    INT16_MAX,
#define AKRT_KERNEL(kernel, arguments) kernel##__avx2,
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};
#endif
static const akrt_arch generic = {
    "generic",
    1,
    1,
    0,
#define AKRT_KERNEL(kernel, arguments) kernel##__ref,
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};

static const akrt_arch *const all[] = {
#ifdef AKRT_X86
    &avx512, &avx2,
#endif
    &generic};

const akrt_arch *akrt_arch_at(int32_t index) {
    return index >= 0 && (size_t)index < sizeof all / sizeof *all ? all[index] : NULL;
}

int akrt_arch_usable(const akrt_arch *arch) {
#ifdef AKRT_X86
    if (arch == &avx512) {
        return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl");
    }
    if (arch == &avx2) {
        return __builtin_cpu_supports("avx2") != 0;
    }
#endif
    return strcmp(arch->name, "generic") == 0;
}
