#ifndef AKRT_FFT512_H
#define AKRT_FFT512_H
#include "akrt_mfcc_tables.h"
#include "mcu/akrt_scaled.h"

/* Steps of 1/1024 of a circle: cosine, and minus the sine, 2^31 being 1. 0 < step < 512. */
static inline int32_t akrt_fft_cosine(int32_t step) {
    return step <= 256 ? -akrt_mfcc_sine[256 - step] : akrt_mfcc_sine[step - 256];
}

static inline int32_t akrt_fft_sine(int32_t step) {
    return step <= 256 ? akrt_mfcc_sine[step] : akrt_mfcc_sine[512 - step];
}

/* One butterfly of radix 2, halved: a and b of (re, im), b times (c + i s) / 2^31. */
static inline void akrt_fft_butterfly(int32_t *a, int32_t *b, int32_t c, int32_t s) {
    const int32_t re = akrt_high_word(b[0], c) - akrt_high_word(b[1], s);
    const int32_t im = akrt_high_word(b[0], s) + akrt_high_word(b[1], c);
    const int32_t a_re = a[0] >> 1, a_im = a[1] >> 1;
    a[0] = a_re + re;
    a[1] = a_im + im;
    b[0] = a_re - re;
    b[1] = a_im - im;
}

/* Discrete Fourier transform of 512 complex numbers (re, im), given in bit-reversed order, in
 * place, divided by 128. Inputs must be below 2^28: then nothing overflows. */
static void akrt_fft512(int32_t *z) {
    for (int32_t *p = z; p < z + 1024; p += 8) { /* two stages without multiplication */
        const int32_t re = p[0] + p[2], im = p[1] + p[3];
        const int32_t d_re = p[0] - p[2], d_im = p[1] - p[3];
        const int32_t f_re = p[4] + p[6], f_im = p[5] + p[7];
        const int32_t g_re = p[4] - p[6], g_im = p[5] - p[7];
        p[0] = re + f_re;
        p[1] = im + f_im;
        p[2] = d_re + g_im;
        p[3] = d_im - g_re;
        p[4] = re - f_re;
        p[5] = im - f_im;
        p[6] = d_re - g_im;
        p[7] = d_im + g_re;
    }
    for (int32_t half = 4; half < 512; half *= 2) {
        const int32_t turn = 512 / half; /* 1024 / (2 * half) */
        for (int32_t *a = z; a < z + 1024; a += 4 * half) {
            int32_t *b = a + 2 * half; /* the factor 1 does not fit 32 bits */
            const int32_t re = b[0] >> 1, im = b[1] >> 1, a_re = a[0] >> 1, a_im = a[1] >> 1;
            a[0] = a_re + re;
            a[1] = a_im + im;
            b[0] = a_re - re;
            b[1] = a_im - im;
        }
        for (int32_t j = 1; j < half; j++) {
            const int32_t c = akrt_fft_cosine(j * turn), s = akrt_fft_sine(j * turn);
            for (int32_t *a = z + 2 * j; a < z + 1024; a += 4 * half) {
                akrt_fft_butterfly(a, a + 2 * half, c, s);
            }
        }
    }
}
#endif
