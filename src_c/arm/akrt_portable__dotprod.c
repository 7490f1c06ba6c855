/* The portable kernels that compilers vectorise well, compiled for this architecture. */
#include "akrt/target.h"

#ifdef AKRT_ARM
#include "arm/target_dotprod.h"

#include "ref/akrt_act_s32_bisect.c"
#include "ref/akrt_act_s32_levels.c"
#include "ref/akrt_act_s32_scale.c"
#include "ref/akrt_dwconv_u8s16_s16.c"
#include "ref/akrt_dwconv_u8s16_s32.c"
#include "ref/akrt_matmul_s16s16_u8.c"
#include "ref/akrt_matmul_s32s16.c"
#include "ref/akrt_matmul_u8s16_u8.c"
#include "ref/akrt_maxpool_s32.c"
#include "ref/akrt_maxpool_u8.c"
#include "ref/akrt_patch_u8.c"
#include "ref/akrt_saturate_s32.c"
#include "ref/akrt_sumpool_s32.c"
#include "ref/akrt_window_sums_u8.c"

#include "arm/target_end.h"
#endif
