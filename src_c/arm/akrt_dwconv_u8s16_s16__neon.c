#include <stdint.h> /* elsewhere the file would be empty, which C forbids */

#if defined(__AARCH64EL__) && defined(__GNUC__)
#include "arm/target_neon.h"

#include "akrt/kernels.h"
#include "arm/akrt_dwconv_u8s16_s16.inc"
#endif
