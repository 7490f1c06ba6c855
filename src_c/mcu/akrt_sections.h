#ifndef AKRT_SECTIONS_H
#define AKRT_SECTIONS_H
/* Where constants and functions go, if the user defines it: an attribute of a section. */
#ifndef AKRT_CONST
#define AKRT_CONST
#endif
#ifndef AKRT_CODE
#define AKRT_CODE
#endif
#endif
