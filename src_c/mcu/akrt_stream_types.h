#ifndef AKRT_STREAM_TYPES_H
#define AKRT_STREAM_TYPES_H
/* The state of a keyword spotter that listens: akrt_features.h, akrt_decision.h. */
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

typedef struct akrt_decision_rule {
    const int32_t *threshold; /* of each class */
    const int32_t *factor;    /* of each class: 256 / act_step, shifted left by `shift` */
    const uint8_t *is_word;   /* 0: never detected */
    int32_t classes, shift;
    int32_t window, least, score, refractory;
} akrt_decision_rule;

typedef struct akrt_decision {
    int32_t *sums;    /* (classes): of the margins of the last `window` inferences */
    int16_t *margins; /* (window, classes) */
    int32_t count;    /* inferences in the sums */
    int32_t next;     /* row of `margins` to be written */
    int32_t wait;     /* inferences until a word may be detected */
    int32_t held;     /* the word that was detected and still leads, or -1 */
    int32_t leader;   /* class with the largest sum, -1 before the first inference */
    int32_t average;  /* its average margin */
} akrt_decision;
#endif
