#ifndef AKRT_MFCC_H
#define AKRT_MFCC_H
/* One frame of 640 samples (40 ms at 16 kHz) to 10 MFCC of 8 bits, in fixed point.
 *
 * Window, real FFT of 1024, magnitude, 40 mel bands from 20 to 4000 Hz, logarithm, DCT, and
 * clip(round(4 * mfcc) + 128, 0, 255): what akrt.audio.features and quantise do in floating point.
 * A frame is scaled to the range of its loudest sample, and its spectrum to its largest bin, so
 * that quiet sounds lose nothing. */
#include "akrt_features_types.h"
#include "akrt_fft512.h"
#include "mcu/akrt_frame.h"

#define AKRT_MFCC_BANDS 40
#define AKRT_MFCC_SILENT (-128)

static inline uint32_t akrt_magnitude_of(int32_t value) {
    return value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
}

/* `samples` (two hops of 320, one after the other) through the window, scaled to below 2^28, to
 * 512 complex numbers in bit-reversed order. Returns the scale: what a sample, times 65536 times
 * the window, was multiplied by, as a power of two; AKRT_MFCC_SILENT for digital silence. */
static int32_t akrt_mfcc_load(const int16_t *samples, int32_t *z) {
    uint32_t peak = 0;
    int32_t up, down;
    for (int32_t n = 0; n < AKRT_MFCC_WINDOW; n++) {
        const int32_t at = n <= 320 ? n : 640 - n;
        peak |= akrt_magnitude_of(samples[n] * (int32_t)akrt_mfcc_window[at]);
    }
    if (peak == 0) {
        return AKRT_MFCC_SILENT;
    }
    up = akrt_leading_zeros(peak) - 4;
    down = up < 0 ? -up : 0;
    up = up < 0 ? 0 : up;
    for (int32_t i = 0, reversed = 0; i < 512; i++) {
        int32_t re = 0, im = 0, bit = 256;
        if (i < AKRT_MFCC_WINDOW / 2) {
            const int32_t n = 2 * i, at = n <= 320 ? n : 640 - n,
                          beside = n < 320 ? n + 1 : 639 - n;
            re = samples[n] * (int32_t)akrt_mfcc_window[at];
            im = samples[n + 1] * (int32_t)akrt_mfcc_window[beside];
            re = (re >> down) * ((int32_t)1 << up);
            im = (im >> down) * ((int32_t)1 << up);
        }
        z[2 * reversed] = re;
        z[2 * reversed + 1] = im;
        while ((reversed & bit) != 0) { /* count upwards from the highest bit */
            reversed ^= bit;
            bit >>= 1;
        }
        reversed |= bit;
    }
    return up - down;
}

/* |re + i im|, to 4e-5 of itself. */
static uint32_t akrt_mfcc_magnitude(int32_t re, int32_t im) {
    uint32_t a = akrt_magnitude_of(re), b = akrt_magnitude_of(im), power, slope, root;
    int32_t shift; /* of 15 bits to what they were */
    if ((a | b) == 0) {
        return 0;
    }
    shift = 17 - akrt_leading_zeros(a | b);
    if (shift > 0) {
        a >>= shift;
        b >>= shift;
    } else {
        a <<= -shift;
        b <<= -shift;
    }
    power = a * (a + 1) + b * (b + 1); /* 2^28 to 2^31; a and b have lost a half on average */
    if (power < (uint32_t)1 << 29) {
        power <<= 2;
        shift--;
    }
    root = akrt_mfcc_root[(power >> 24) - 32];
    slope = akrt_mfcc_root[(power >> 24) - 31] - root;
    root += (slope * (power >> 8 & 0xffffu) + 0x8000u) >> 16;
    return shift > 0 ? root << shift : root >> -shift;
}

/* Magnitudes of bins 2 to 256 of the real signal whose even and odd samples are the parts of the
 * transformed `z`, halved, to z[2 * bin]. Returns all of them or'd. */
static uint32_t akrt_mfcc_spectrum(int32_t *z) {
    uint32_t all = 0;
    for (int32_t k = AKRT_MFCC_FIRST_BIN; k < AKRT_MFCC_END_BIN; k++) {
        const int32_t *low = z + 2 * k, *high = z + 2 * (512 - k);
        const int32_t a_re = low[0] >> 2, a_im = low[1] >> 2;
        const int32_t b_re = high[0] >> 2, b_im = high[1] >> 2;
        const int32_t c = akrt_fft_cosine(k), s = akrt_fft_sine(k);
        /* even part + odd part * exp(-2 pi i k / 1024), the odd part being difference / i */
        const int32_t re = a_im + b_im, im = b_re - a_re;
        const int32_t turned_re = 2 * (akrt_high_word(re, c) - akrt_high_word(im, s));
        const int32_t turned_im = 2 * (akrt_high_word(re, s) + akrt_high_word(im, c));
        const uint32_t m = akrt_mfcc_magnitude(a_re + b_re + turned_re, a_im - b_im + turned_im);
        z[2 * k] = (int32_t)m;
        all |= m;
    }
    return all;
}

/* log2(value) * 65536 of a value that is not zero; linear between 65 points. */
static int32_t akrt_mfcc_log2(uint32_t value) {
    const int32_t zeros = akrt_leading_zeros(value);
    const uint32_t mantissa = value << zeros, at = mantissa >> 25 & 63;
    const uint32_t low = akrt_mfcc_log2_table[at];
    const uint32_t slope = (akrt_mfcc_log2_table[at + 1] - low) & 0xffffu;
    return (31 - zeros) * 65536 +
           (int32_t)(low + ((slope * (mantissa >> 9 & 0xffffu) + 0x8000u) >> 16));
}

/* log2 * 65536 of the 40 mel energies, full scale being 1, no less than AKRT_MFCC_FLOOR. */
static void akrt_mfcc_logs(const int16_t *samples, int32_t *z, int32_t *logs) {
    const int32_t scale = akrt_mfcc_load(samples, z);
    int32_t exponent = 0, shift = 0, rise = 0;
    uint32_t all = 0;
    if (scale != AKRT_MFCC_SILENT) {
        akrt_fft512(z);
        all = akrt_mfcc_spectrum(z);
    }
    if (all == 0) {
        for (int32_t b = 0; b < AKRT_MFCC_BANDS; b++) {
            logs[b] = AKRT_MFCC_FLOOR;
        }
        return;
    }
    shift = akrt_leading_zeros(all) - 4; /* to 28 bits: the widest band is 13.2 bins, halved */
    exponent = (22 + shift + scale) * 65536;
    for (int32_t b = 0; b <= AKRT_MFCC_BANDS; b++) {
        int32_t fall = 0, next = 0; /* of the band below, and of this one */
        for (int32_t k = akrt_mfcc_mel_start[b]; k < akrt_mfcc_mel_start[b + 1]; k++) {
            const uint32_t m = (uint32_t)z[2 * k];
            const int32_t magnitude = (int32_t)(shift >= 0 ? m << shift : m >> -shift);
            const int32_t up = akrt_scaled(magnitude, akrt_mfcc_mel_share[k - AKRT_MFCC_FIRST_BIN]);
            next += up;
            fall += (magnitude >> 1) - up;
        }
        if (b > 0) {
            const uint32_t energy = (uint32_t)(rise + fall);
            const int32_t value = energy == 0 ? AKRT_MFCC_FLOOR : akrt_mfcc_log2(energy) - exponent;
            logs[b - 1] = value < AKRT_MFCC_FLOOR ? AKRT_MFCC_FLOOR : value;
        }
        rise = next;
    }
}

/* One frame. samples: two hops of 320, the older first; scratch: 1024 words. */
AKRT_LAYER static void akrt_mfcc(const int16_t *samples, int32_t *scratch, uint8_t *coefficients) {
    int32_t logs[AKRT_MFCC_BANDS];
    akrt_mfcc_logs(samples, scratch, logs);
    for (int32_t j = 0; j < AKRT_MFCC_COEFFICIENTS; j++) {
        int32_t value = AKRT_MFCC_BANDS / 4; /* 20 products lose a half each, on average */
        for (int32_t b = 0; b < AKRT_MFCC_BANDS / 2; b++) {
            const int32_t mirrored = logs[AKRT_MFCC_BANDS - 1 - b];
            const int32_t folded = (j & 1) != 0 ? logs[b] - mirrored : logs[b] + mirrored;
            value += akrt_scaled(folded, akrt_mfcc_cosine[j * (AKRT_MFCC_BANDS / 2) + b]);
        }
        value = ((value + (1 << 14)) >> 15) + 128;
        coefficients[j] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}
#endif
