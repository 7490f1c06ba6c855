/* NEON is part of every AArch64 CPU: there is nothing to switch on. */
#define AKRT_ARCH neon
