#ifndef AKRT_RUNS_H
#define AKRT_RUNS_H
#include "akrt_rows.h"
/* Layers whose potentials are computed at several positions of an output row at once: a run. */
#define AKRT_RUN 6 /* positions at most */

/* Potentials of a run are (AKRT_RUN, filters), with an even number of filters. */
#define AKRT_RUN_FILTERS(filters) (((int32_t)(filters) + 1) & ~1)
#define AKRT_RUN_POTENTIALS(filters) (AKRT_RUN * AKRT_RUN_FILTERS(filters))

/* Runs of about one length: as few as there can be. */
static inline int32_t akrt_run_length(int32_t positions) {
    const int32_t runs = (positions + AKRT_RUN - 1) / AKRT_RUN;
    return (positions + runs - 1) / runs;
}
#endif
