#ifndef AKRT_FEATURES_TYPES_H
#define AKRT_FEATURES_TYPES_H
/* The state of the MFCC front end of a stream: akrt_features.h. */
#include <stdint.h>

#define AKRT_MFCC_WINDOW 640 /* samples, 40 ms */
#define AKRT_MFCC_HOP 320
#define AKRT_MFCC_COEFFICIENTS 10
#define AKRT_MFCC_SCRATCH_WORDS 1024
#define AKRT_FEATURES_FRAMES 49
#define AKRT_FEATURES_BYTES (AKRT_FEATURES_FRAMES * AKRT_MFCC_COEFFICIENTS)

/* The last second of sound as the network sees it. */
typedef struct akrt_features {
    int32_t filled;                      /* samples of the hop that is being filled, 0..319 */
    int16_t samples[AKRT_MFCC_WINDOW];   /* the hop before, and the one that is being filled */
    uint8_t frames[AKRT_FEATURES_BYTES]; /* 49 frames of 10 MFCC, the oldest first */
} akrt_features;
#endif
