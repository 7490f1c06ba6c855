#ifndef AKRT_FEATURES_H
#define AKRT_FEATURES_H
/* Samples to the feature map of the last second. */
#include <string.h>
#include "akrt_mfcc.h"

/* As if digital silence had gone before. */
static void akrt_features_start(akrt_features *features) {
    memset(features->samples, 0, sizeof features->samples);
    features->filled = 0;
    for (int32_t i = 0; i < AKRT_FEATURES_BYTES; i++) {
        features->frames[i] = i % AKRT_MFCC_COEFFICIENTS == 0 ? 0 : 128;
    }
}

/* Takes some of `count` samples, 1 or more, up to the end of a hop, and returns how many. `filled`
 * is then 0 where a hop is complete: a new frame has taken the place of the oldest. state: of
 * akrt_features_start; scratch: AKRT_MFCC_SCRATCH_WORDS. */
static int32_t akrt_features_push(void *state, const int16_t *samples, int32_t count,
                                  int32_t *scratch) {
    akrt_features *features = (akrt_features *)state;
    int16_t *hop = features->samples + AKRT_MFCC_HOP;
    const int32_t room = AKRT_MFCC_HOP - features->filled;
    const int32_t taken = count < room ? count : room;
    const size_t kept = AKRT_FEATURES_BYTES - AKRT_MFCC_COEFFICIENTS;
    memcpy(hop + features->filled, samples, (size_t)taken * sizeof *samples);
    features->filled += taken;
    if (features->filled == AKRT_MFCC_HOP) {
        memmove(features->frames, features->frames + AKRT_MFCC_COEFFICIENTS, kept);
        akrt_mfcc(features->samples, scratch, features->frames + kept);
        memcpy(features->samples, hop, AKRT_MFCC_HOP * sizeof *hop);
        features->filled = 0;
    }
    return taken;
}
#endif
