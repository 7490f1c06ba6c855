#ifndef AKRT_ACTIVATION_H
#define AKRT_ACTIVATION_H
#include <stdint.h>
/* How the potential P of a filter becomes an activation of `bits` bits. The exporter has proven
 * the forms with a factor for every P that can occur. The numbers are the same on every core; the
 * forms in one word come last. */
typedef enum akrt_activation_form {
    AKRT_FORM_POTENTIALS = 0, /* none: the output is P, int32 */
    AKRT_FORM_THRESHOLD = 1,  /* 1 bit: whether P is above a threshold */
    AKRT_FORM_BISECTION = 2,  /* threshold and step, |P - threshold| < 2^23, step < 2^27 */
    AKRT_FORM_LEVELS = 3,     /* a table of levels: how many P exceeds */
    AKRT_FORM_HIGH_WORD = 4,  /* ((high word of (P << 11) * factor) + addend) >> shift, clipped */
    AKRT_FORM_MULADD = 5,     /* (P * factor + addend) >> shift, clipped to 4 bits */
    AKRT_FORM_MULADD16 = 6    /* the same; both have 16 bits, the addend is in `addend_unit`s */
} akrt_activation_form;

/* The form is an akrt_activation_form, whose own size is the compiler's choice. */
typedef struct akrt_activation {
    uint8_t form, shift, bits;
} akrt_activation;
#endif
