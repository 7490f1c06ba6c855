/* Before a short loop over an array of registers: only what is unrolled early stays in registers,
 * compilers keep the rest in memory. */
#ifndef AKRT_X86_UNROLL_H
#define AKRT_X86_UNROLL_H
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#endif
