#ifndef AKRT_LISTEN_H
#define AKRT_LISTEN_H
/* Sound to inferences that are due: the loop over the hops of a stream.
 *
 * Whoever listens calls it until all samples are taken, and wherever an inference is due runs the
 * network on what the front end holds and hands its potentials to the decision: a microcontroller
 * at once, a host for many of them together. How the sound is cut into calls changes nothing. */
#include "akrt_stream_types.h"

/* Of a front end: takes some of `count` samples, 1 or more, up to the end of a hop, and returns how
 * many. Its state begins with the int32_t `filled`, 0 where a hop is complete: there, and nowhere
 * else, the network's input in it changes. */
typedef int32_t akrt_front_end_push(void *front_end, const int16_t *samples, int32_t count,
                                    int32_t *scratch);

static void akrt_listen_start(akrt_hops *hops, int32_t every) {
    hops->frames = 0;
    hops->wait = every;
}

/* Takes samples until an inference is due, hops->wait being 0, or `count` are taken. Returns how
 * many. every: frames from one inference to the next. */
static int32_t akrt_listen(akrt_front_end_push *push, void *front_end, akrt_hops *hops,
                           int32_t every, const int16_t *samples, int32_t count, int32_t *scratch) {
    const int32_t *filled = (const int32_t *)front_end;
    int32_t taken = 0;
    if (hops->wait == 0) {
        hops->wait = every;
    }
    while (taken < count && hops->wait > 0) {
        taken += push(front_end, samples + taken, count - taken, scratch);
        if (*filled == 0) {
            hops->frames++;
            hops->wait--;
        }
    }
    return taken;
}
#endif
