/* PSE+L-TAE: Lightweight Temporal Self-Attention for Classifying Satellite Image Time Series
 * (Sainte Fare Garnot, Landrieu; AALTD 2020). */
#include "base/error.h"
#include "model/definition.h"
#include "model/parcel.h"

static const field fields[] = {PARCEL_FIRST_FIELDS, PARCEL_ATTENTION_FIELDS("16", "8", "256", "[256, 128]"),
                               PARCEL_LAST_FIELDS("[128, 64, 32, 20]")};

/* Heads share the channels out between them. */
static int check(const void *config, const char *where)
{
    const parcel_config *c = config;
    int width = c->d_model.present ? c->d_model.value : parcel_width(c);
    if (width % c->n_head)
        return fail(USAGE, "%s.n_head is %d, wanted a divisor of %d, the width it shares out", where, c->n_head, width);
    return parcel_attention_check(c, where, width);
}

static parcel_outputs build(const void *config, net *n, const parcel_inputs *in)
{
    return parcel_build(n, in, config, lightweight_temporal_attention);
}

const model_def pseltae_def = {"pseltae", "PSE+L-TAE",  "decoder.", fields, sizeof(parcel_config),
                               check,     MODEL_PARCEL, build,      NULL,   NULL};
