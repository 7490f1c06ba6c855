#ifndef AKRT_FRAME_H
#define AKRT_FRAME_H
/* Layers: inlined, the frames of all would lie on the stack of the deepest. */
#if defined(__GNUC__)
#define AKRT_LAYER __attribute__((noinline))
#else
#define AKRT_LAYER
#endif
#endif
