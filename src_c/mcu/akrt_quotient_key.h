#ifndef AKRT_QUOTIENT_KEY_H
#define AKRT_QUOTIENT_KEY_H
#include <stdint.h>
/* value / (mantissa * 2^exponent), both rounded as IEEE single precision rounds them (to nearest,
 * ties to even), as an integer that orders as the quotients do; no floating-point operation.
 * mantissa has 24 bits, |value| at most 33, exponent is -27 to 8. */
static int32_t akrt_quotient_key(int64_t value, uint32_t mantissa, int32_t exponent) {
    uint64_t wide = value < 0 ? (uint64_t)-value : (uint64_t)value;
    uint32_t n, q = 0, odd;
    int32_t e = 64 - exponent, key;
    if (wide == 0) {
        return 0;
    }
    while (wide >= (uint64_t)1 << 26) { /* the lowest bit remembers what was lost */
        wide = (wide >> 1) | (wide & 1);
        e++;
    }
    n = (uint32_t)wide;
    if (n >= (uint32_t)1 << 24) { /* one or two bits too many */
        const uint32_t excess = n >= (uint32_t)1 << 25 ? 2 : 1;
        const uint32_t lost = n & ((1u << excess) - 1), half = excess;
        n >>= excess;
        e += (int32_t)excess;
        n += lost > half || (lost == half && (n & 1) != 0);
    }
    if (n == (uint32_t)1 << 24) {
        n >>= 1;
        e++;
    }
    while (n < (uint32_t)1 << 23) {
        n <<= 1;
        e--;
    }
    if (n < mantissa) {
        n <<= 1;
        e--;
    }
    for (int32_t bit = 0; bit < 25; bit++) { /* 24 bits and one to round by */
        q <<= 1;
        if (n >= mantissa) {
            n -= mantissa;
            q |= 1;
        }
        n <<= 1;
    }
    odd = q & 1;
    q >>= 1;
    q += odd & (uint32_t)(n != 0 || (q & 1) != 0);
    key = e * ((int32_t)1 << 23) + (int32_t)q;
    return value < 0 ? -key : key;
}
#endif
