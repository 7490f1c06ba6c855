/* Everything after this line is compiled for AArch64 with dot products. */
#define AKRT_ARCH dotprod
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif
