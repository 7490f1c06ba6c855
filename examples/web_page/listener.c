/* The exported keyword spotter for a browser: one stream, and its state for the page to show. */
#include "kws.c"
#include "kws_stream.c"

#define EXPORT __attribute__((visibility("default")))

static kws_stream stream;
static uint32_t arena[KWS_STREAM_ARENA_BYTES / 4];
static int16_t samples[AKRT_MFCC_HOP];
static kws_detection found;

EXPORT int16_t *listener_samples(void) { return samples; }
EXPORT int32_t listener_classes(void) { return KWS_CLASSES; }
EXPORT int32_t listener_every(void) { return KWS_STREAM_EVERY; }
EXPORT const char *listener_label(int32_t index) { return kws_label(index); }
EXPORT const int32_t *listener_potentials(void) { return stream.output; }
EXPORT const int32_t *listener_sums(void) { return stream.sums; }
EXPORT int32_t listener_count(void) { return stream.decision.count; }
EXPORT uint32_t listener_frames(void) { return stream.frames; }
EXPORT int32_t listener_score(void) { return found.score; }

EXPORT void listener_start(void) { kws_stream_start(&stream); }

/* Takes the first `count` of `samples`, at most a hop; returns the word detected, or -1. */
EXPORT int32_t listener_feed(int32_t count) {
    if (count < 0 || count > AKRT_MFCC_HOP ||
        kws_stream_feed(&stream, samples, count, arena, &found) != count) {
        return -2;
    }
    return found.word;
}
