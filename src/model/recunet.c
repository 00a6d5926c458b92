/* U-ConvLSTM and U-BiConvLSTM: baselines of Panoptic Segmentation of Satellite Image Time Series with Convolutional
 * Temporal Attention Networks (Sainte Fare Garnot and Landrieu, ICCV 2021), after Rustowicz et al., Semantic Segmentation of
 * Crop Type in Africa (2019). A U-Net whose encoder sees each date by itself; a ConvLSTM at the lowest resolution; skips are
 * means over the dates. The published U-BiConvLSTM is a ConvLSTM of one direction; "temporal": "blstm" makes it one of
 * two. */
#include <string.h>

#include "base/error.h"
#include "layer/unet.h"
#include "model/recurrent.h"

typedef struct recunet_config {
    int input_dim;
    int_list encoder_widths, decoder_widths, out_conv;
    int str_conv_k, str_conv_s, str_conv_p;
    char *temporal, *encoder_norm, *padding_mode, *lstm_padding;
    int hidden_dim;
    double pad_value;
} recunet_config;

/* clang-format off */
#define RECUNET_FIELDS(hidden)                                                                                         \
    {"input_dim", FIELD_INT, offsetof(recunet_config, input_dim), "10", 1, 4096, NULL, "bands of the input"},          \
    {"encoder_widths", FIELD_INT_LIST, offsetof(recunet_config, encoder_widths), "[64, 64, 64, 128]", 1, 65536, NULL,  \
     "channels at each resolution of the encoder, fine to coarse"},                                                    \
    {"decoder_widths", FIELD_INT_LIST, offsetof(recunet_config, decoder_widths), "[32, 32, 64, 128]", 1, 65536, NULL,  \
     "the same of the decoder; its last is the encoder's; null: the encoder's"},                                       \
    {"out_conv", FIELD_INT_LIST, offsetof(recunet_config, out_conv), "[32, 20]", 1, 65536, NULL,                       \
     "channels of the last convolutions; the last is the number of classes"},                                          \
    {"str_conv_k", FIELD_INT, offsetof(recunet_config, str_conv_k), "4", 1, 15, NULL, "kernel of strided convolutions"}, \
    {"str_conv_s", FIELD_INT, offsetof(recunet_config, str_conv_s), "2", 1, 8, NULL, "their stride"},                  \
    {"str_conv_p", FIELD_INT, offsetof(recunet_config, str_conv_p), "1", 0, 7, NULL, "their padding"},                 \
    {"temporal", FIELD_CHOICE, offsetof(recunet_config, temporal), "\"lstm\"", 0, 0, "lstm|blstm|mean|mono",           \
     "between encoder and decoder: a ConvLSTM, one in each direction, the mean over dates, nothing for a single date"}, \
    {"hidden_dim", FIELD_INT, offsetof(recunet_config, hidden_dim), hidden, 1, 65536, NULL, "channels of its state"},  \
    {"encoder_norm", FIELD_CHOICE, offsetof(recunet_config, encoder_norm), "\"group\"", 0, 0, "group|batch|instance",  \
     "norm in the encoder, and of the decoder's 3 x 3 convolutions"},                                                  \
    {"padding_mode", FIELD_CHOICE, offsetof(recunet_config, padding_mode), "\"zeros\"", 0, 0, "reflect|zeros",         \
     "what convolutions see beyond the image; those of in_conv see its reflection"},                                   \
    {"pad_value", FIELD_REAL, offsetof(recunet_config, pad_value), "0", -1e6, 1e6, NULL,                               \
     "value of the frames that a batch is padded with (see lstm_padding)"},                                            \
    LSTM_PADDING_FIELD(recunet_config),                                                                                \
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL}

static const field one_way_fields[] = {RECUNET_FIELDS("64")}, two_way_fields[] = {RECUNET_FIELDS("30")};
/* clang-format on */

/* ---- settings ---------------------------------------------------------------------------------------------------- */

enum { SIDE = 3 /* of the recurrence's kernels */ };

static int last(const int_list *l)
{
    return l->value[l->count - 1];
}

static const int_list *decoder_widths(const recunet_config *c)
{
    return c->decoder_widths.count < 0 ? &c->encoder_widths : &c->decoder_widths;
}

/* Each width, where a group norm follows, of both halves. */
static int groups_check(const char *where, const char *key, const int_list *widths)
{
    for (int i = 0; i < widths->count; i++)
        if (widths->value[i] % CONV_GROUPS)
            return fail(USAGE, "%s.%s holds %d, wanted a multiple of the norm's groups (%d)", where, key,
                        widths->value[i], CONV_GROUPS);
    return OK;
}

static int check(const void *config, const char *where)
{
    int rc = OK;
    const recunet_config *c = config;
    const int_list *decoder = decoder_widths(c);
    if (c->encoder_widths.count < 1 || c->encoder_widths.count > DENSE_MAPS_MAX)
        return fail(USAGE, "%s.encoder_widths has %d widths, wanted 1 to %d", where,
                    c->encoder_widths.count < 0 ? 0 : c->encoder_widths.count, DENSE_MAPS_MAX);
    if (decoder->count != c->encoder_widths.count)
        return fail(USAGE, "%s.decoder_widths has %d widths, wanted %d as encoder_widths", where, decoder->count,
                    c->encoder_widths.count);
    if (last(decoder) != last(&c->encoder_widths))
        return fail(USAGE, "%s: the last of decoder_widths is %d, wanted %d as encoder_widths", where, last(decoder),
                    last(&c->encoder_widths));
    if (c->out_conv.count < 1) return fail(USAGE, "%s.out_conv has no widths, wanted 1 or more", where);
    if (strcmp(c->encoder_norm, "group") != 0) return OK;
    TRY(groups_check(where, "encoder_widths", &c->encoder_widths));
    TRY(groups_check(where, "decoder_widths", decoder));
done:
    return rc;
}

static dense_facts facts(const void *config)
{
    const recunet_config *c = config;
    return (dense_facts){
        .bands = c->input_dim,
        .classes = last(&c->out_conv),
        .stages = c->encoder_widths.count,
        .stride_kernel = c->str_conv_k,
        .stride = c->str_conv_s,
        .stride_padding = c->str_conv_p,
        .maps = c->str_conv_s == 2 ? c->encoder_widths.count : 0,
        .least = strcmp(c->padding_mode, "reflect") ? 1 : 2,
        .frames_divide = strcmp(c->encoder_norm, "batch") != 0,
    };
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static conv_settings conv_settings_of(const recunet_config *c, enum image_norm_kind norm, enum padding_mode padding,
                                      bool exact)
{
    return (conv_settings){norm, padding, c->str_conv_k, c->str_conv_s, c->str_conv_p, exact};
}

static tensor *mean_of_dates(net *n, tensor *const *part, const dense_inputs *in)
{
    return temporal_aggregate(n, part, in->parts, in->offsets, NULL, (aggregate_options){.mode = AGGREGATE_MEAN});
}

/* The published bidirectional ConvLSTM; else one of one direction. */
static tensor *recurrence(net *n, tensor *x, const recunet_config *c, const dense_inputs *in)
{
    static const char name[] = "temporal_encoder";
    const recurrent_settings s = recurrent_settings_of(in, c->hidden_dim, SIDE, c->pad_value, c->lstm_padding);
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
    return plain_conv(n, "out_convlstm", state, last(&c->encoder_widths), SIDE, in->exact);
}

static dense_outputs build(const void *config, net *n, const dense_inputs *in)
{
    const recunet_config *c = config;
    const enum image_norm_kind norm = image_norm_named(c->encoder_norm);
    const enum padding_mode padding = padding_named(c->padding_mode);
    const conv_settings first = conv_settings_of(c, norm, PADDING_REFLECT, in->exact);
    const conv_settings s = conv_settings_of(c, norm, padding, in->exact);
    const conv_settings out_settings = conv_settings_of(c, NORM_BATCH, padding, in->exact);
    const int_list *widths = decoder_widths(c);
    tensor *skip[DENSE_PARTS_MAX][DENSE_MAPS_MAX], *deepest[DENSE_PARTS_MAX];
    dense_outputs out = {0};
    for (int p = 0; p < in->parts; p++)
        deepest[p] = unet_encode(n, in->part[p], &c->encoder_widths, &first, &s, skip[p]);
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
        unet_classify_parameters(n, widths->value[0], &c->out_conv, &out_settings);
    else
        out.logits = unet_classify(n, x, &c->out_conv, &out_settings);
    return out;
}

const model_def uconvlstm_def = {"uconvlstm", "U-ConvLSTM", one_way_fields, sizeof(recunet_config), check, MODEL_DENSE,
                                 NULL,        build,        facts};
const model_def buconvlstm_def = {
    "buconvlstm", "U-BiConvLSTM", two_way_fields, sizeof(recunet_config), check, MODEL_DENSE, NULL, build, facts};
