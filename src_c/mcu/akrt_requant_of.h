#ifndef AKRT_REQUANT_OF_H
#define AKRT_REQUANT_OF_H
#include "akrt_rows.h"
/* Constants of filter `f` of a separable layer. */
static inline akrt_requant akrt_requant_of(const akrt_rows_layer *layer, int32_t f) {
    akrt_requant r;
    if (layer->activation.form == AKRT_FORM_MULADD16) {
        const akrt_requant16 *const narrow = (const akrt_requant16 *)layer->requant + f;
        r.factor = narrow->factor;
        r.addend = narrow->addend * layer->addend_unit;
    } else {
        r = ((const akrt_requant *)layer->requant)[f];
    }
    return r;
}
#endif
