#ifndef AKRT_RIGHT_SHIFT_H
#define AKRT_RIGHT_SHIFT_H
#if (-1 >> 1) != -1
#error "akrt needs an arithmetic right shift of negative numbers"
#endif
#endif
