#include "akrt/target.h"

#ifdef AKRT_AVXVNNI
#include <immintrin.h>

#include "x86/target_avxvnni.h"

#include "x86/akrt_dwconv_u8s8_u8__avx2.c"
#endif
