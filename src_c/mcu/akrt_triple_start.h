#ifndef AKRT_TRIPLE_START_H
#define AKRT_TRIPLE_START_H
#include "akrt_smlad_rows.h"
#if AKRT_DSP
/* What the sums of a row start from: minus 8 times the sums of the depthwise results, which takes
 * the 8 out of u, for both words. */
static void akrt_triple_start(const uint32_t *mid, const uint32_t *end, int32_t *start) {
    const uint32_t eights = 0xfff8fff8u;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0;
    do {
        s0 = akrt_smlad(mid[2], eights, s0);
        s1 = akrt_smlad(mid[3], eights, s1);
        s2 = akrt_smlad(mid[4], eights, s2);
        s3 = akrt_smlad(mid[5], eights, s3);
        s4 = akrt_smlad(mid[6], eights, s4);
        mid += AKRT_PAIR_WORDS;
    } while (mid < end);
    start[0] = s0 * 257;
    start[1] = s1 * 257;
    start[2] = s2 * 257;
    start[3] = s3 * 257;
    start[4] = s4 * 257;
    start[5] = s0;
    start[6] = s1;
    start[7] = s2;
    start[8] = s3;
    start[9] = s4;
}
#endif
#endif
