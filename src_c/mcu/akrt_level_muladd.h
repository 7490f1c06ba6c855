#ifndef AKRT_LEVEL_MULADD_H
#define AKRT_LEVEL_MULADD_H
#include "akrt_clip4.h"
/* 4-bit activation of a potential by multiply-add: see akrt_requant. */
static inline uint32_t akrt_level_muladd(int32_t potential, akrt_requant r, int32_t shift) {
    return akrt_clip4((potential * r.factor + r.addend) >> shift);
}
#endif
