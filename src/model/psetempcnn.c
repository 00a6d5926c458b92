/* PSE+TempCNN: a baseline of Lightweight Temporal Self-Attention for Classifying Satellite Image Time Series (Sainte
 * Fare Garnot, Landrieu; AALTD 2020). */
#include "base/error.h"
#include "model/definition.h"
#include "model/parcel.h"

/* clang-format off */
static const field fields[] = {
    PARCEL_FIRST_FIELDS,
    {"nker", FIELD_INT_LIST, offsetof(parcel_config, nker), "[32, 32, 128]", 1, 65536, NULL,
     "channels of the convolutions over dates"},
    {"mlp3", FIELD_INT_LIST, offsetof(parcel_config, mlp3), "[256, 128]", 1, 1 << 20, NULL,
     "widths of the layers behind them"},
    {"seq_len", FIELD_OPTIONAL_INT, offsetof(parcel_config, seq_len), "24", 1, 100000, NULL,
     "most dates of a series, for each of which the first layer of mlp3 has weights; null: the data set's longest"},
    PARCEL_PLACE_FIELD,
    PARCEL_LAST_FIELDS("[128, 64, 32, 20]"),
};
/* clang-format on */

static int list_check(const char *where, const char *key, const int_list *l)
{
    if (l->count >= 1 && l->count < INT_LIST_MAX) return OK;
    return fail(USAGE, "%s.%s has %d widths, wanted 1 to %d", where, key, l->count < 0 ? 0 : l->count,
                INT_LIST_MAX - 1);
}

static int check(const void *config, const char *where)
{
    int rc = OK;
    const parcel_config *c = config;
    TRY(list_check(where, "nker", &c->nker));
    TRY(list_check(where, "mlp3", &c->mlp3));
    TRY(parcel_config_check(c, where, c->mlp3.value[c->mlp3.count - 1], "last of mlp3"));
done:
    return rc;
}

static parcel_outputs build(const void *config, net *n, const parcel_inputs *in)
{
    return parcel_build(n, in, config, temporal_convolutions);
}

const model_def psetempcnn_def = {"psetempcnn", "PSE+TempCNN", "decoder.", fields, sizeof(parcel_config),
                                  check,        MODEL_PARCEL,  build,      NULL,   NULL};
