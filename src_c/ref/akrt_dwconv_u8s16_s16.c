#include "akrt/kernels.h"

#include <string.h>

#define AKRT_DWCONV akrt_dwconv_u8s16_s16
#define AKRT_SUM int16_t
#define AKRT_TAP add_tap_s16
#include "ref/akrt_dwconv.inc"
