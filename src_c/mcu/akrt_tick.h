#ifndef AKRT_TICK_H
#define AKRT_TICK_H
/* Where a caller wants it, AKRT_TICK() is called inside long layers, at least once in a million
 * instructions; else nothing of this is left. AKRT_TICK_WORK counts the products of a loop in
 * `done` and calls it every AKRT_TICK_PRODUCTS of them, AKRT_TICK_AT at every 1024th of a long
 * loop's elements. */
#if defined(AKRT_TICK)
#define AKRT_TICK_PRODUCTS 2048
#define AKRT_TICK_WORK(done, more)                                                                 \
    do {                                                                                           \
        (done) += (more);                                                                          \
        if ((done) >= AKRT_TICK_PRODUCTS) {                                                        \
            (done) = 0;                                                                            \
            AKRT_TICK();                                                                           \
        }                                                                                          \
    } while (0)
#define AKRT_TICK_AT(i)                                                                            \
    do {                                                                                           \
        if ((i) % 1024 == 1023) {                                                                  \
            AKRT_TICK();                                                                           \
        }                                                                                          \
    } while (0)
#else
#define AKRT_TICK() ((void)0)
#define AKRT_TICK_IS_TAKEN
#define AKRT_TICK_WORK(done, more) ((void)(done))
#define AKRT_TICK_AT(i) ((void)(i))
#endif
#endif
