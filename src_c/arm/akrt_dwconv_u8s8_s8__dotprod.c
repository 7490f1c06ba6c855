#include "akrt/target.h"

#ifdef AKRT_ARM
#include "arm/target_dotprod.h"

#include "arm/akrt_dwconv_u8s8_s8.tmpl.h"

#include "arm/target_end.h"
#endif
