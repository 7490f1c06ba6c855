#define AKRT_SCALED_OUTPUTS
#include "x86/akrt_matmul_u8s8__avxvnni.c"
