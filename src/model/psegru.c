/* PSE+GRU: a baseline of Lightweight Temporal Self-Attention for Classifying Satellite Image Time Series (Sainte Fare
 * Garnot, Landrieu; AALTD 2020). */
#include "model/definition.h"
#include "model/parcel.h"

/* clang-format off */
static const field fields[] = {
    PARCEL_FIRST_FIELDS,
    {"hidden_dim", FIELD_INT, offsetof(parcel_config, hidden_dim), "156", 1, 65536, NULL, "channels of the GRU's state"},
    PARCEL_PLACE_FIELD,
    PARCEL_LAST_FIELDS("[156, 64, 32, 20]"),
};
/* clang-format on */

static int check(const void *config, const char *where)
{
    const parcel_config *c = config;
    return parcel_config_check(c, where, c->hidden_dim, "hidden_dim");
}

static parcel_outputs build(const void *config, net *n, const parcel_inputs *in)
{
    return parcel_build(n, in, config, gated_recurrent_unit);
}

const model_def psegru_def = {"psegru", "PSE+GRU",    "decoder.", fields, sizeof(parcel_config),
                              check,    MODEL_PARCEL, build,      NULL,   NULL};
