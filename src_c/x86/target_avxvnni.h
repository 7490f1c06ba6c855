/* Everything after this line is compiled for AVX2 with AVX-VNNI. */
#define AKRT_ARCH avxvnni
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,avxvnni"))), apply_to = function)
#else
#pragma GCC target("avx2,avxvnni")
#endif
