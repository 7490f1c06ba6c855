#ifndef AKRT_AKIDA2_TWO_H
#define AKRT_AKIDA2_TWO_H
#include <stdint.h>
#include <string.h>
/* Two halves as a word. */
static inline uint32_t akrt_akida2_two(const int16_t *halves) {
    uint32_t word;
    memcpy(&word, halves, sizeof word);
    return word;
}
#endif
