#ifndef AKRT_AKIDA2_NIBBLES_H
#define AKRT_AKIDA2_NIBBLES_H
#include "akrt_akida2_halves.h"
/* Words of four bytes, each of two signed weights of 4 bits, to bytes that are 16 times a weight.
 */
#if AKRT_DSP
static inline uint32_t akrt_akida2_low(uint32_t word) { return word << 4 & 0xf0f0f0f0u; }

static inline uint32_t akrt_akida2_high(uint32_t word) { return word & 0xf0f0f0f0u; }
#endif
#endif
