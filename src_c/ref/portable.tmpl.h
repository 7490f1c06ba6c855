/* Every kernel of kernels.inc in plain C, compiled for AKRT_ARCH: compilers vectorise it well. A
 * kernel that the architecture has of its own is left out where AKRT_OWN_<kernel> is defined. */
#ifndef AKRT_OWN_akrt_act_s32_bisect
#include "ref/akrt_act_s32_bisect.c"
#endif
#ifndef AKRT_OWN_akrt_act_s32_levels
#include "ref/akrt_act_s32_levels.c"
#endif
#ifndef AKRT_OWN_akrt_act_s32_scale
#include "ref/akrt_act_s32_scale.c"
#endif
#ifndef AKRT_OWN_akrt_act_s32_scaled
#include "ref/akrt_act_s32_scaled.c"
#endif
#ifndef AKRT_OWN_akrt_add_u8_s32
#include "ref/akrt_add_u8_s32.c"
#endif
#ifndef AKRT_OWN_akrt_clipsum_s32
#include "ref/akrt_clipsum_s32.c"
#endif
#ifndef AKRT_OWN_akrt_dwconv_u8s16_s16
#include "ref/akrt_dwconv_u8s16_s16.c"
#endif
#ifndef AKRT_OWN_akrt_dwconv_u8s16_s32
#include "ref/akrt_dwconv_u8s16_s32.c"
#endif
#ifndef AKRT_OWN_akrt_dwconv_u8s8_s8
#include "ref/akrt_dwconv_u8s8_s8.c"
#endif
#ifndef AKRT_OWN_akrt_dwconv_u8s8_u8
#include "ref/akrt_dwconv_u8s8_u8.c"
#endif
#ifndef AKRT_OWN_akrt_matmul_s16s16
#include "ref/akrt_matmul_s16s16.c"
#endif
#ifndef AKRT_OWN_akrt_matmul_s16s16_s8
#include "ref/akrt_matmul_s16s16_s8.c"
#endif
#ifndef AKRT_OWN_akrt_matmul_s16s16_u8
#include "ref/akrt_matmul_s16s16_u8.c"
#endif
#ifndef AKRT_OWN_akrt_matmul_s32s16
#include "ref/akrt_matmul_s32s16.c"
#endif
#ifndef AKRT_OWN_akrt_matmul_u8s16_u8
#include "ref/akrt_matmul_u8s16_u8.c"
#endif
#ifndef AKRT_OWN_akrt_matmul_u8s8_s32
#include "ref/akrt_matmul_u8s8_s32.c"
#endif
#ifndef AKRT_OWN_akrt_matmul_u8s8_s8
#include "ref/akrt_matmul_u8s8_s8.c"
#endif
#ifndef AKRT_OWN_akrt_matmul_u8s8_u8
#include "ref/akrt_matmul_u8s8_u8.c"
#endif
#ifndef AKRT_OWN_akrt_matmul_u8s8_u8_short
#include "ref/akrt_matmul_u8s8_u8_short.c"
#endif
#ifndef AKRT_OWN_akrt_maxpool_s32
#include "ref/akrt_maxpool_s32.c"
#endif
#ifndef AKRT_OWN_akrt_maxpool_u8
#include "ref/akrt_maxpool_u8.c"
#endif
#ifndef AKRT_OWN_akrt_patch_u8
#include "ref/akrt_patch_u8.c"
#endif
#ifndef AKRT_OWN_akrt_patches_u8
#include "ref/akrt_patches_u8.c"
#endif
#ifndef AKRT_OWN_akrt_saturate_s32
#include "ref/akrt_saturate_s32.c"
#endif
#ifndef AKRT_OWN_akrt_sumpool_s32
#include "ref/akrt_sumpool_s32.c"
#endif
#ifndef AKRT_OWN_akrt_window_sums_u8
#include "ref/akrt_window_sums_u8.c"
#endif
