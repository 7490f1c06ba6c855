#ifndef AKRT_RIGHT_SHIFT_H
#define AKRT_RIGHT_SHIFT_H
/* C leaves the right shift of a negative number to the compiler. */
#if (-1 >> 1) != -1
#error "akrt needs an arithmetic right shift of negative numbers"
#endif
#endif
