/* PSE+TAE: Satellite Image Time Series Classification with Pixel-Set Encoders and Temporal Self-Attention
 * (Sainte Fare Garnot, Landrieu, Giordano, Chehata; CVPR 2020). */
#include "model/definition.h"
#include "model/parcel.h"

static const field fields[] = {PARCEL_FIELDS("4", "32", "null", "[512, 128, 128]")};

static int temporal_width(const parcel_config *c)
{
    return c->d_model.present ? c->d_model.value : c->mlp2.value[c->mlp2.count > 0 ? c->mlp2.count - 1 : 0];
}

/* Each head attends over whole embeddings, and the last norm has the embedding's width. */
static int check(const void *config, const char *where)
{
    const parcel_config *c = config;
    return parcel_config_check(c, where, c->n_head * temporal_width(c), temporal_width(c));
}

static parcel_outputs build(const void *config, net *n, const parcel_inputs *in)
{
    return parcel_build(n, in, config, temporal_attention);
}

const model_def psetae_def = {"psetae", "PSE+TAE", fields, sizeof(parcel_config), check, MODEL_PARCEL,
                              build,    NULL,      NULL};
