/* Compiled with -fno-builtin, or the loops would become calls of themselves. */
#include "string.h"

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    unsigned char *a = to;
    const unsigned char *b = from;
    for (size_t i = 0; i < bytes; i++) {
        a[i] = b[i];
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
    unsigned char *a = to;
    const unsigned char *b = from;
    if (a <= b) {
        return memcpy(to, from, bytes);
    }
    while (bytes-- > 0) {
        a[bytes] = b[bytes];
    }
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    unsigned char *a = to;
    for (size_t i = 0; i < bytes; i++) {
        a[i] = (unsigned char)value;
    }
    return to;
}
