/* ConvGRU: a baseline of Panoptic Segmentation of Satellite Image Time Series with Convolutional Temporal Attention Networks
 * (Sainte Fare Garnot and Landrieu, ICCV 2021), after Rußwurm and Körner, Multi-Temporal Land Cover Classification with
 * Sequential Recurrent Encoders (2018): a ConvGRU over the dates, whose last state a convolution classifies. */
#include "model/recurrent.h"

static const field fields[] = {RECURRENT_FIELDS("180")};

static dense_outputs build(const void *config, net *n, const dense_inputs *in)
{
    const recurrent_config *c = config;
    const recurrent_settings s = recurrent_config_settings(c, in);
    tensor *state = conv_gru_layer(n, "convgru_encoder", in->part[0], &s);
    return (dense_outputs){.logits = plain_conv(n, "classification_layer", state, c->num_classes, s.kernel, s.exact)};
}

const model_def convgru_def = {
    "convgru", "ConvGRU", "classification_layer.", fields, sizeof(recurrent_config), recurrent_check, MODEL_DENSE,
    NULL,      build,     recurrent_facts};
