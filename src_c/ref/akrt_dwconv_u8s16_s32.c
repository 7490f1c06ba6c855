#include "akrt/kernels.h"

#include <string.h>

#define AKRT_DWCONV akrt_dwconv_u8s16_s32
#define AKRT_SUM int32_t
#define AKRT_TAP add_tap_s32
#include "ref/akrt_dwconv.inc"
