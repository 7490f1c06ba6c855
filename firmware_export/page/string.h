/* WebAssembly has no libc; these become its bulk memory instructions. */
#include <stddef.h>
#define memcpy __builtin_memcpy
#define memmove __builtin_memmove
#define memset __builtin_memset
