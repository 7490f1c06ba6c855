#include "akrt/target.h"

#ifdef AKRT_AVXVNNI
#include <immintrin.h>

#include "x86/target_avxvnni.h"

#include "x86/akrt_kernels__avx2.c"
#endif
