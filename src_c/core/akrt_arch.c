#include "akrt/arch.h"

#include "akrt/target.h"

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

#ifdef AKRT_X86
static int usable__avx512(void) {
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}

static int usable__avx2(void) { return __builtin_cpu_supports("avx2") != 0; }
#endif

#ifdef AKRT_AVXVNNI
static int usable__avxvnni(void) {
    unsigned eax = 0, ebx, ecx, edx; /* not every compiler's __builtin_cpu_supports knows it */
    return usable__avx2() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1);
}
#endif

#ifdef AKRT_ARM
/* Whether the CPU has the instruction sdot, by the system's word or the compiler's promise. */
static int usable__dotprod(void) {
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

static int usable__neon(void) { return 1; }
#endif

static int usable__ref(void) { return 1; }

#define AKRT_ARCHITECTURE(arch, ...) extern const akrt_kernels akrt_kernels__##arch;
#include "akrt/archs.inc"
#undef AKRT_ARCHITECTURE

static const akrt_arch all[] = {
#define AKRT_ARCHITECTURE(arch, ...) {.kernels = &akrt_kernels__##arch, __VA_ARGS__},
#include "akrt/archs.inc"
#undef AKRT_ARCHITECTURE
};

static int (*const usable[])(void) = {
#define AKRT_ARCHITECTURE(arch, ...) usable__##arch,
#include "akrt/archs.inc"
#undef AKRT_ARCHITECTURE
};

const akrt_arch *akrt_arch_at(int32_t index) {
    return index >= 0 && (size_t)index < sizeof all / sizeof *all ? all + index : NULL;
}

int akrt_arch_usable(const akrt_arch *arch) { return usable[arch - all](); }
