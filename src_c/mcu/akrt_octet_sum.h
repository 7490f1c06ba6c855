#ifndef AKRT_OCTET_SUM_H
#define AKRT_OCTET_SUM_H
#include "akrt_tick.h"
#include <stdint.h>
/* The sum of all nibbles of some words. */
static int32_t akrt_octets_sum(const uint32_t *octet, int32_t octets) {
    uint32_t sum = 0;
    for (int32_t k = 0; k < octets; k++) {
        const uint32_t bytes = (octet[k] & 0x0f0f0f0fu) + (octet[k] >> 4 & 0x0f0f0f0fu);
        sum += bytes * 0x01010101u >> 24; /* 8 * 15 is below 2^8 */
        AKRT_TICK_AT(k);
    }
    return (int32_t)sum;
}
#endif
