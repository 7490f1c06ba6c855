#include "akrt/arch.h"

#include "akrt/target.h"

#include <string.h>

#if defined(AKRT_X86)
#include <cpuid.h>
#elif defined(AKRT_ARM) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(AKRT_ARM) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(AKRT_ARM) && defined(_WIN32)
#include <windows.h>
#ifndef PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE
#define PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE 43 /* headers older than Windows 11's */
#endif
#endif

#define AKRT_KERNEL(kernel, arguments) void kernel##__avx512 arguments;
#ifdef AKRT_X86
#include "akrt/kernels.inc"
#endif
#undef AKRT_KERNEL
#define AKRT_KERNEL(kernel, arguments) void kernel##__avxvnni arguments;
#ifdef AKRT_AVXVNNI
#include "akrt/kernels.inc"
#endif
#undef AKRT_KERNEL
#define AKRT_KERNEL(kernel, arguments) void kernel##__avx2 arguments;
#ifdef AKRT_X86
#include "akrt/kernels.inc"
#endif
#undef AKRT_KERNEL
#define AKRT_KERNEL(kernel, arguments) void kernel##__dotprod arguments;
#ifdef AKRT_ARM
#include "akrt/kernels.inc"
#endif
#undef AKRT_KERNEL
#define AKRT_KERNEL(kernel, arguments) void kernel##__neon arguments;
#ifdef AKRT_ARM
#include "akrt/kernels.inc"
#endif
#undef AKRT_KERNEL

#ifdef AKRT_X86
static const akrt_arch avx512 = {
    "avx512", 16, 16, INT32_MAX, 0, 1,
#define AKRT_KERNEL(kernel, arguments) kernel##__avx512,
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};
#ifdef AKRT_AVXVNNI
static const akrt_arch avxvnni = {
    "avxvnni", 8, 8, INT32_MAX, 0, 0,
#define AKRT_KERNEL(kernel, arguments) kernel##__avxvnni,
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};
#endif
static const akrt_arch avx2 = {
    "avx2", 8, 8, INT16_MAX, 0, 0,
#define AKRT_KERNEL(kernel, arguments) kernel##__avx2,
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};
#endif
#ifdef AKRT_ARM
static const akrt_arch dotprod = {
    "dotprod", 8, 8, INT32_MAX, 0, 0,
#define AKRT_KERNEL(kernel, arguments) kernel##__dotprod,
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};
static const akrt_arch neon = {
    "neon", 8, 8, 0, 1, 0,
#define AKRT_KERNEL(kernel, arguments) kernel##__neon,
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};
#endif
static const akrt_arch generic = {
    "generic", 1, 1, 0, 1, 0,
#define AKRT_KERNEL(kernel, arguments) kernel##__ref,
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
};

static const akrt_arch *const all[] = {
#ifdef AKRT_X86
    &avx512,
#ifdef AKRT_AVXVNNI
    &avxvnni,
#endif
    &avx2,
#endif
#ifdef AKRT_ARM
    &dotprod, &neon,
#endif
    &generic};

const akrt_arch *akrt_arch_at(int32_t index) {
    return index >= 0 && (size_t)index < sizeof all / sizeof *all ? all[index] : NULL;
}

#ifdef AKRT_ARM
/* Whether the CPU has the instruction sdot, by the system's word or the compiler's promise. */
static int has_dotprod(void) {
#if defined(HWCAP_ASIMDDP)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#elif defined(__ARM_FEATURE_DOTPROD)
    return 1;
#elif defined(__APPLE__)
    int32_t there = 0;
    size_t size = sizeof there;
    return sysctlbyname("hw.optional.arm.FEAT_DotProd", &there, &size, NULL, 0) == 0 && there;
#elif defined(_WIN32)
    return IsProcessorFeaturePresent(PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE) != 0;
#else
    return 0;
#endif
}
#endif

int akrt_arch_usable(const akrt_arch *arch) {
#ifdef AKRT_X86
    if (arch == &avx512) {
        return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl");
    }
#ifdef AKRT_AVXVNNI
    if (arch == &avxvnni) {
        unsigned eax = 0, ebx, ecx, edx; /* not every compiler's __builtin_cpu_supports knows it */
        return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) &&
               (eax >> 4 & 1);
    }
#endif
    if (arch == &avx2) {
        return __builtin_cpu_supports("avx2") != 0;
    }
#endif
#ifdef AKRT_ARM
    if (arch == &neon) {
        return 1;
    }
    if (arch == &dotprod) {
        return has_dotprod();
    }
#endif
    return strcmp(arch->name, "generic") == 0;
}
