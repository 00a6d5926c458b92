/* ConvLSTM: a baseline of Panoptic Segmentation of Satellite Image Time Series with Convolutional Temporal Attention Networks
 * (Sainte Fare Garnot and Landrieu, ICCV 2021), after Rußwurm and Körner, Multi-Temporal Land Cover Classification with
 * Sequential Recurrent Encoders (2018): a ConvLSTM over the dates, whose last cell state a convolution classifies. */
#include "model/recurrent.h"

static const field fields[] = {RECURRENT_FIELDS("160")};

static dense_outputs build(const void *config, net *n, const dense_inputs *in)
{
    const recurrent_config *c = config;
    const recurrent_settings s = recurrent_config_settings(c, in);
    tensor *state = conv_lstm_layer(n, "convlstm_encoder", in->part[0], &s, false);
    return (dense_outputs){.logits = plain_conv(n, "classification_layer", state, c->num_classes, s.kernel, s.exact)};
}

const model_def convlstm_def = {
    "convlstm", "ConvLSTM", "classification_layer.", fields, sizeof(recurrent_config), recurrent_check, MODEL_DENSE,
    NULL,       build,      recurrent_facts};
