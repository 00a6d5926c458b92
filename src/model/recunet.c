/* U-ConvLSTM and U-BiConvLSTM: baselines of Panoptic Segmentation of Satellite Image Time Series with Convolutional
 * Temporal Attention Networks (Sainte Fare Garnot and Landrieu, ICCV 2021), after Rustowicz et al., Semantic Segmentation of
 * Crop Type in Africa (2019). A U-Net whose encoder sees each date by itself; a ConvLSTM at the lowest resolution; skips are
 * means over the dates. The published U-BiConvLSTM is a ConvLSTM of one direction; "temporal": "blstm" makes it one of
 * two. */
#include <string.h>

#include "base/error.h"
#include "model/recurrent.h"
#include "model/unet_settings.h"

typedef struct recunet_config {
    unet_settings unet;
    char *temporal, *lstm_padding;
    int hidden_dim;
} recunet_config;

/* clang-format off */
#define RECUNET_FIELDS(hidden)                                                                                         \
    UNET_SHAPE_FIELDS(recunet_config),                                                                                 \
    {"temporal", FIELD_CHOICE, offsetof(recunet_config, temporal), "\"lstm\"", 0, 0, "lstm|blstm|mean|mono",           \
     "between encoder and decoder: a ConvLSTM, one in each direction, the mean over dates, nothing for a single date"}, \
    {"hidden_dim", FIELD_INT, offsetof(recunet_config, hidden_dim), hidden, 1, 65536, NULL, "channels of its state"},  \
    {"encoder_norm", FIELD_CHOICE, offsetof(recunet_config, unet.encoder_norm), "\"group\"", 0, 0, "group|batch|instance", \
     "norm in the encoder, and of the decoder's 3 x 3 convolutions"},                                                  \
    {"padding_mode", FIELD_CHOICE, offsetof(recunet_config, unet.padding_mode), "\"zeros\"", 0, 0, "reflect|zeros",    \
     "what convolutions see beyond the image; those of in_conv see its reflection"},                                   \
    {"pad_value", FIELD_REAL, offsetof(recunet_config, unet.pad_value), "0", -1e6, 1e6, NULL,                          \
     "value of the frames that a batch is padded with (see lstm_padding)"},                                            \
    LSTM_PADDING_FIELD(recunet_config),                                                                                \
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL}

static const field one_way_fields[] = {RECUNET_FIELDS("64")}, two_way_fields[] = {RECUNET_FIELDS("30")};
/* clang-format on */

/* ---- settings ---------------------------------------------------------------------------------------------------- */

enum { SIDE = 3 /* of the recurrence's kernels */ };

static int check(const void *config, const char *where)
{
    int rc = OK;
    const unet_settings *s = &((const recunet_config *)config)->unet;
    TRY(unet_check(s, where));
    if (strcmp(s->encoder_norm, "group") != 0) return OK;
    TRY(unet_groups_check(where, "encoder_widths", &s->encoder_widths));
    TRY(unet_groups_check(where, "decoder_widths", unet_decoder_widths(s)));
done:
    return rc;
}

static dense_facts facts(const void *config)
{
    return unet_facts(&((const recunet_config *)config)->unet);
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static tensor *mean_of_dates(net *n, tensor *const *part, const dense_inputs *in)
{
    return temporal_aggregate(n, part, in->parts, in->offsets, NULL, (aggregate_options){.mode = AGGREGATE_MEAN});
}

/* The published bidirectional ConvLSTM; else one of one direction. */
static tensor *recurrence(net *n, tensor *x, const recunet_config *c, const dense_inputs *in)
{
    static const char name[] = "temporal_encoder";
    const recurrent_settings s = recurrent_settings_of(in, c->hidden_dim, SIDE, c->unet.pad_value, c->lstm_padding);
    if (!strcmp(c->temporal, "lstm")) return conv_lstm_layer(n, name, x, &s, false);
    tensor *forward = conv_lstm_layer(n, scope(n, "%s.convlstm_forward", name), x, &s, false);
    return image_concat(n, forward, conv_lstm_layer(n, scope(n, "%s.convlstm_backward", name), x, &s, true));
}

static tensor *temporal(net *n, tensor *const *deepest, const recunet_config *c, const dense_inputs *in)
{
    if (!strcmp(c->temporal, "mono") && in->longest != 1) {
        net_refuse(n, fail(FAILED, "model.temporal is \"mono\", but a series has %d dates (data.mono_date chooses one)",
                           in->longest));
        return NULL;
    }
    if (strcmp(c->temporal, "lstm") && strcmp(c->temporal, "blstm")) return mean_of_dates(n, deepest, in);
    tensor *state = recurrence(n, frames_join(n, deepest, in->parts), c, in);
    return plain_conv(n, "out_convlstm", state, unet_last(&c->unet.encoder_widths), SIDE, in->exact);
}

static dense_outputs build(const void *config, net *n, const dense_inputs *in)
{
    const recunet_config *c = config;
    const enum image_norm_kind norm = image_norm_named(c->unet.encoder_norm);
    const enum padding_mode padding = padding_named(c->unet.padding_mode);
    const conv_settings first = unet_conv_settings(&c->unet, norm, PADDING_REFLECT, in->exact);
    const conv_settings s = unet_conv_settings(&c->unet, norm, padding, in->exact);
    const conv_settings out_settings = unet_conv_settings(&c->unet, NORM_BATCH, padding, in->exact);
    const int_list *widths = unet_decoder_widths(&c->unet);
    tensor *skip[DENSE_PARTS_MAX][DENSE_MAPS_MAX], *deepest[DENSE_PARTS_MAX];
    dense_outputs out = {0};
    for (int p = 0; p < in->parts; p++)
        deepest[p] = unet_encode(n, in->part[p], &c->unet.encoder_widths, &first, &s, skip[p]);
    tensor *x = temporal(n, deepest, c, in);
    out.map[out.maps++] = x;
    for (int i = 0; i + 1 < widths->count; i++) {
        const int level = widths->count - 2 - i;
        tensor *part[DENSE_PARTS_MAX];
        for (int p = 0; p < in->parts; p++) part[p] = skip[p][level];
        x = up_block(n, scope(n, "up_blocks.%d", i), x, mean_of_dates(n, part, in), widths->value[level], &s);
        out.map[out.maps++] = x;
    }
    if (in->features_only)
        unet_classify_parameters(n, widths->value[0], &c->unet.out_conv, &out_settings);
    else
        out.logits = unet_classify(n, x, &c->unet.out_conv, &out_settings);
    return out;
}

const model_def uconvlstm_def = {"uconvlstm", "U-ConvLSTM", "out_conv.", one_way_fields, sizeof(recunet_config),
                                 check,       MODEL_DENSE,  NULL,        build,          facts};
const model_def buconvlstm_def = {"buconvlstm", "U-BiConvLSTM", "out_conv.", two_way_fields, sizeof(recunet_config),
                                  check,        MODEL_DENSE,    NULL,        build,          facts};
