/* Everything after this line is compiled for AVX2, or for the architecture that shares the file. */
#ifndef AKRT_ARCH
#define AKRT_ARCH avx2
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#endif
