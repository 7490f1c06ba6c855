#include "akrt/kernels.h"

#include <string.h>

#define AKRT_ROW row_any_s32
#define AKRT_TAP add_tap_s32
#define AKRT_SUM int32_t
#include "ref/akrt_dwconv_row.tmpl.h"

void AKRT_FN(akrt_dwconv_u8s16_s32)(const akrt_window *w, const uint8_t *input,
                                    const int16_t *weights, int32_t x, int32_t depth,
                                    int32_t *out) {
    row_any_s32(w, input, weights, x, 0, depth, out);
}
