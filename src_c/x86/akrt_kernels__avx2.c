/* Which kernels this architecture has of its own; the others are the portable ones. */
#include "akrt/target.h"

#ifdef AKRT_X86
#include "x86/target_avx2.h"

#define AKRT_OWN_akrt_patches_u8
#define AKRT_OWN_akrt_matmul_s16s16
#define AKRT_OWN_akrt_matmul_u8s8_s32
#define AKRT_OWN_akrt_matmul_u8s8_u8
#define AKRT_OWN_akrt_matmul_u8s8_u8_short
#define AKRT_OWN_akrt_matmul_u8s8_s8
#define AKRT_OWN_akrt_dwconv_u8s8_s8
#define AKRT_OWN_akrt_dwconv_u8s16_s16
#define AKRT_OWN_akrt_dwconv_u8s8_u8
#include "ref/portable.tmpl.h"

#include "core/kernel_table.tmpl.h"

#include "x86/target_end.h"
#endif
