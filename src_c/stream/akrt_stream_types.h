#ifndef AKRT_STREAM_TYPES_H
#define AKRT_STREAM_TYPES_H
/* Where a stream of sound stands: akrt_listen.h. */
#include <stdint.h>

typedef struct akrt_hops {
    uint32_t frames; /* completed so far, 20 ms each */
    int32_t wait;    /* frames until the next inference; 0: it is due */
} akrt_hops;
#endif
