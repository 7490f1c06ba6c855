#ifndef AKRT_AKIDA2_RECALL_H
#define AKRT_AKIDA2_RECALL_H
#include <stdint.h>
#include <string.h>
#include "akrt_tick.h"
/* Puts an input behind those before it: `seen` is of `lines`, each `steps` times `bytes`, the
 * oldest first. */
static void akrt_akida2_recall(const uint8_t *input, int32_t lines, int32_t bytes, int32_t steps,
                               uint8_t *seen) {
    const size_t line = (size_t)bytes, before = (size_t)(steps - 1) * line;
    int32_t done = 0;
    for (int32_t i = 0; i < lines; i++) {
        memmove(seen, seen + line, before);
        memcpy(seen + before, input, line);
        seen += before + line;
        input += line;
        AKRT_TICK_WORK(done, (int32_t)(before / 8 + 1));
    }
}
#endif
