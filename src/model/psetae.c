/* PSE+TAE: Satellite Image Time Series Classification with Pixel-Set Encoders and Temporal Self-Attention
 * (Sainte Fare Garnot, Landrieu, Giordano, Chehata; CVPR 2020). */
#include "model/definition.h"
#include "model/parcel.h"

static const field fields[] = {PARCEL_FIRST_FIELDS, PARCEL_ATTENTION_FIELDS("4", "32", "null", "[512, 128, 128]"),
                               PARCEL_LAST_FIELDS("[128, 64, 32, 20]")};

static int temporal_width(const parcel_config *c)
{
    return c->d_model.present ? c->d_model.value : parcel_width(c);
}

/* Each head attends over whole embeddings. What mlp3 ends in is free, as in the L-TAE paper's repository. */
static int check(const void *config, const char *where)
{
    const parcel_config *c = config;
    return parcel_attention_check(c, where, c->n_head * temporal_width(c));
}

static parcel_outputs build(const void *config, net *n, const parcel_inputs *in)
{
    return parcel_build(n, in, config, temporal_attention);
}

const model_def psetae_def = {"psetae", "PSE+TAE",    "decoder.", fields, sizeof(parcel_config),
                              check,    MODEL_PARCEL, build,      NULL,   NULL};
