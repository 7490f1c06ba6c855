/* Which kernels this architecture has of its own; the others are the portable ones. */
#include "akrt/target.h"

#ifdef AKRT_ARM
#include "arm/target_neon.h"

#define AKRT_OWN_akrt_matmul_s16s16
#define AKRT_OWN_akrt_matmul_s16s16_s8
#define AKRT_OWN_akrt_matmul_u8s8_s32
#define AKRT_OWN_akrt_matmul_u8s8_u8
#define AKRT_OWN_akrt_matmul_u8s8_u8_short
#define AKRT_OWN_akrt_matmul_u8s8_s8
#define AKRT_OWN_akrt_dwconv_u8s8_s8
#define AKRT_OWN_akrt_dwconv_u8s16_s16
#include "ref/portable.tmpl.h"

#include "core/kernel_table.tmpl.h"
#endif
