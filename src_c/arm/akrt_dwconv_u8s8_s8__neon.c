#include "akrt/target.h"

#ifdef AKRT_ARM
#include "arm/target_neon.h"

#include "arm/akrt_dwconv_u8s8_s8.tmpl.h"

#endif
