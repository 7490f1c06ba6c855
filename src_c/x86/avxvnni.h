/* Whether the compiler knows AVX-VNNI: dot products of bytes in the encoding of CPUs without
 * AVX-512.
 */
#ifndef AKRT_X86_AVXVNNI_H
#define AKRT_X86_AVXVNNI_H
#if defined(__x86_64__) && defined(__GNUC__)
#if (defined(__clang__) && __clang_major__ >= 12) || (!defined(__clang__) && __GNUC__ >= 11)
#define AKRT_AVXVNNI 1
#endif
#endif
#endif
