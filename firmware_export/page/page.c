/* What the page calls: the exported stream, with buffers that JavaScript reaches. */
#include "{{name}}_stream.h"

#define EXPORT(name) __attribute__((export_name(#name)))
#define HOP 320

static {{name}}_stream stream;
static {{name}}_detection found;
static uint32_t arena[{{NAME}}_STREAM_ARENA_BYTES / 4];
static int16_t samples[HOP];

EXPORT(page_samples) int16_t *page_samples(void) {
    return samples;
}
EXPORT(page_features) const uint8_t *page_features(void) {
    return stream.features.frames;
}
EXPORT(page_outputs) const int32_t *page_outputs(void) {
    return stream.output;
}
EXPORT(page_start) void page_start(void) {
    {{name}}_stream_start(&stream);
}
EXPORT(page_frames) uint32_t page_frames(void) {
    return stream.hops.frames;
}
/* Takes samples[from..end); returns the class of a detected word, or -1. page_taken() says how
 * far it came: a detection ends it early. */
static int32_t taken;
EXPORT(page_feed) int32_t page_feed(int32_t from, int32_t end) {
    taken = from + {{name}}_stream_feed(&stream, samples + from, end - from, arena, &found);
    return found.word;
}
EXPORT(page_taken) int32_t page_taken(void) {
    return taken;
}
/* The network on the last second as it stands, without a decision. */
EXPORT(page_run) int32_t page_run(void) {
    return {{name}}_run(stream.features.frames, stream.output, arena);
}
