#ifndef AKRT_STATIC_ASSERT_H
#define AKRT_STATIC_ASSERT_H
/* Stops the compilation where `holds` is false; `name`, an identifier of its own, tells which. */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define AKRT_STATIC_ASSERT(holds, name) static_assert(holds, #name)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define AKRT_STATIC_ASSERT(holds, name) _Static_assert(holds, #name)
#else
#define AKRT_STATIC_ASSERT(holds, name) typedef char name[(holds) ? 1 : -1]
#endif

/* Whether something of a size in which pointers count 4 bytes has it: on cores with smaller ones,
 * which also align less, it may be smaller, and with larger ones it is not asked. */
#define AKRT_COUNTED(size, bytes)                                                                  \
    (sizeof(void *) > 4 || (sizeof(void *) < 4 ? (size) <= (bytes) : (size) == (bytes)))
#endif
