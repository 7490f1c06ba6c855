/* Which compiler and which CPU this is compiled for. Without any of AKRT_X86, AKRT_AVXVNNI and
 * AKRT_ARM the portable kernels are all there is: with MSVC, which has no attribute that compiles
 * one function for another CPU, and with GCC for Windows on x86-64, which may put a 32-byte
 * register on a stack that is aligned to 16 bytes (GCC bug 54412).
 */
#ifndef AKRT_TARGET_H
#define AKRT_TARGET_H

#include <stdint.h> /* a file whose kernels are left out would be empty, which C forbids */

#if defined(_MSC_VER)
#define AKRT_RESTRICT __restrict
#else
#define AKRT_RESTRICT restrict
#endif

#if defined(__GNUC__)
#define AKRT_INLINE static inline __attribute__((always_inline)) /* of what has intrinsics */
#endif

#if defined(__GNUC__) && defined(__x86_64__) && (defined(__clang__) || !defined(_WIN32))
#define AKRT_X86 1
#if (defined(__clang__) && __clang_major__ >= 12) || (!defined(__clang__) && __GNUC__ >= 11)
#define AKRT_AVXVNNI 1 /* dot products of bytes in the encoding of CPUs without AVX-512 */
#endif
#endif

#if defined(__GNUC__) && defined(__AARCH64EL__)
#define AKRT_ARM 1
#endif

#endif
