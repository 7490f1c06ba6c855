#ifndef AKRT_AKIDA2_KEEP_PAIR_H
#define AKRT_AKIDA2_KEEP_PAIR_H
/* The sums of the filters f and f + 1, if there is one, at two positions: (2, filters). */
static void akrt_akida2_keep_pair(const int32_t pair[4], int32_t f, int32_t filters,
                                  int32_t *sums) {
    sums[f] = pair[0];
    sums[f + filters] = pair[2];
    if (f + 1 < filters) {
        sums[f + 1] = pair[1];
        sums[f + 1 + filters] = pair[3];
    }
}
#endif
