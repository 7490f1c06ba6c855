/* akrt_matmul_s16s16 and akrt_matmul_u8s8_*. */
#include "akrt/target.h"

#ifdef AKRT_ARM
#include "arm/target_dotprod.h"

#include "akrt/kernels.h"

#include <arm_neon.h>

/* The instruction itself: older compilers hide its intrinsic. */
#define DOT_LANE(sum, w, x, lane)                                                                  \
    __asm__("sdot %0.4s, %1.16b, %2.4b[" #lane "]" : "+w"(sum) : "w"(w), "w"(x))
#define DOT(sum, w, x) __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(w), "w"(x))

#include "arm/akrt_matmul_u8s8.tmpl.h"

#include "arm/target_end.h"
#endif
