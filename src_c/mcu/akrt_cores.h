#ifndef AKRT_CORES_H
#define AKRT_CORES_H
/* What kernels ask of a core and of a compiler. AKRT_PORTABLE asks for plain C on every core. */
#include <stdint.h>

/* Cores whose 32 x 32 -> 64 multiply-accumulate is one instruction, and cores without one. */
#if defined(__thumb2__) && !defined(AKRT_PORTABLE)
#define AKRT_LONG_MLA 1
#else
#define AKRT_LONG_MLA 0
#endif
/* Cores with integer vectors (Helium). */
#if AKRT_LONG_MLA && defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)
#define AKRT_MVE 1
#include <arm_mve.h>
#else
#define AKRT_MVE 0
#endif
/* Cores that multiply halves of words, two at a time; words are loaded from any address. */
#if AKRT_LONG_MLA && defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_UNALIGNED) &&             \
    defined(__GNUC__) && !AKRT_MVE && !defined(__ARM_BIG_ENDIAN)
#define AKRT_DSP 1
#else
#define AKRT_DSP 0
#endif
#if defined(__thumb__) && !defined(__thumb2__)
#define AKRT_LONG_MULTIPLY 0
#else
#define AKRT_LONG_MULTIPLY 1
#endif

#if AKRT_DSP
/* On both halves of a word. */
static inline uint32_t akrt_sadd16(uint32_t a, uint32_t b) {
    uint32_t sum;
    __asm__("sadd16 %0, %1, %2" : "=r"(sum) : "r"(a), "r"(b));
    return sum;
}

static inline uint32_t akrt_ssub16(uint32_t a, uint32_t b) {
    uint32_t difference;
    __asm__("ssub16 %0, %1, %2" : "=r"(difference) : "r"(a), "r"(b));
    return difference;
}

static inline uint32_t akrt_abs16(uint32_t a, uint32_t zero) {
    uint32_t size;
    __asm__("ssub16 %0, %2, %1\n\tsel %0, %0, %1" : "=&r"(size) : "r"(a), "r"(zero) : "cc");
    return size;
}

static inline int32_t akrt_smlad(uint32_t a, uint32_t b, int32_t sum) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}
#endif

/* Compilers take an equality for unlikely. */
#if defined(__GNUC__)
#define AKRT_LIKELY(condition) __builtin_expect(condition, 1)
#else
#define AKRT_LIKELY(condition) (condition)
#endif

/* Loops over many sums: reordered, they would need more registers than there are. */
#if defined(__GNUC__) && !defined(__clang__)
#define AKRT_IN_ORDER __attribute__((noinline, optimize("no-tree-reassoc", "no-schedule-insns")))
#else
#define AKRT_IN_ORDER
#endif

#define AKRT_LARGER(a, b) ((a) > (b) ? (a) : (b))
#endif
