#ifndef AKRT_DECISION_TYPES_H
#define AKRT_DECISION_TYPES_H
/* What a decision upon words remembers, and its rule: akrt_decision.h. */
#include <stdint.h>

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
