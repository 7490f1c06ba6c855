#include "akrt/target.h"

#ifdef AKRT_AVXVNNI
#include <immintrin.h>

#include "x86/target_avxvnni.h"

#include "x86/akrt_matmul_s16s16__avx2.c"
#endif
