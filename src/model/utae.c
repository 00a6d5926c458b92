/* U-TAE: Panoptic Segmentation of Satellite Image Time Series with Convolutional Temporal Attention Networks (Sainte Fare
 * Garnot and Landrieu, ICCV 2021). A U-Net whose encoder sees each date by itself; lightweight temporal attention at the
 * lowest resolution; its maps weigh the dates of every skip connection. */
#include <string.h>

#include "base/error.h"
#include "layer/ltae2d.h"
#include "layer/unet.h"
#include "model/definition.h"

typedef struct utae_config {
    int input_dim;
    int_list encoder_widths, decoder_widths, out_conv;
    int str_conv_k, str_conv_s, str_conv_p;
    char *agg_mode, *encoder_norm, *padding_mode;
    int n_head, d_k, T;
    optional_int d_model;
    double dropout, attention_dropout, pad_value;
} utae_config;

/* clang-format off */
static const field fields[] = {
    {"input_dim", FIELD_INT, offsetof(utae_config, input_dim), "10", 1, 4096, NULL, "bands of the input"},
    {"encoder_widths", FIELD_INT_LIST, offsetof(utae_config, encoder_widths), "[64, 64, 64, 128]", 1, 65536, NULL,
     "channels at each resolution of the encoder, fine to coarse"},
    {"decoder_widths", FIELD_INT_LIST, offsetof(utae_config, decoder_widths), "[32, 32, 64, 128]", 1, 65536, NULL,
     "the same of the decoder; its last is the encoder's; null: the encoder's"},
    {"out_conv", FIELD_INT_LIST, offsetof(utae_config, out_conv), "[32, 20]", 1, 65536, NULL,
     "channels of the last convolutions; the last is the number of classes"},
    {"str_conv_k", FIELD_INT, offsetof(utae_config, str_conv_k), "4", 1, 15, NULL, "kernel of strided convolutions"},
    {"str_conv_s", FIELD_INT, offsetof(utae_config, str_conv_s), "2", 1, 8, NULL, "their stride"},
    {"str_conv_p", FIELD_INT, offsetof(utae_config, str_conv_p), "1", 0, 7, NULL, "their padding"},
    {"agg_mode", FIELD_CHOICE, offsetof(utae_config, agg_mode), "\"att_group\"", 0, 0, "att_group|att_mean|mean",
     "how skips join their dates: each head weighs its channels, the heads' mean weighs all, or the plain mean"},
    {"encoder_norm", FIELD_CHOICE, offsetof(utae_config, encoder_norm), "\"group\"", 0, 0, "group|batch|instance",
     "norm in the encoder"},
    {"n_head", FIELD_INT, offsetof(utae_config, n_head), "16", 1, 1024, NULL, "attention heads"},
    {"d_model", FIELD_OPTIONAL_INT, offsetof(utae_config, d_model), "256", 1, 65536, NULL,
     "width that dates are projected to before attention; null: none"},
    {"d_k", FIELD_INT, offsetof(utae_config, d_k), "4", 1, 4096, NULL, "width of keys and queries"},
    {"T", FIELD_INT, offsetof(utae_config, T), "1000", 1, 1 << 30, NULL, "longest period of the positions' sinusoids"},
    {"dropout", FIELD_REAL, offsetof(utae_config, dropout), "0.2", 0, 0.999, NULL, "dropout after the attention's MLP"},
    {"attention_dropout", FIELD_REAL, offsetof(utae_config, attention_dropout), "0.1", 0, 0.999, NULL,
     "dropout of the attention weights"},
    {"pad_value", FIELD_REAL, offsetof(utae_config, pad_value), "0", -1e6, 1e6, NULL,
     "value of the frames that a batch is padded with (see padding)"},
    {"padding_mode", FIELD_CHOICE, offsetof(utae_config, padding_mode), "\"reflect\"", 0, 0, "reflect|zeros",
     "what convolutions see beyond the image"},
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static int last(const int_list *l)
{
    return l->value[l->count - 1];
}

static const int_list *decoder_widths(const utae_config *c)
{
    return c->decoder_widths.count < 0 ? &c->encoder_widths : &c->decoder_widths;
}

static int attention_width(const utae_config *c)
{
    return c->d_model.present ? c->d_model.value : last(&c->encoder_widths);
}

static int divides(const char *where, const char *what, int width, const char *by, int parts)
{
    if (width % parts == 0) return OK;
    return fail(USAGE, "%s.%s holds %d, wanted a multiple of %s (%d)", where, what, width, by, parts);
}

static int heads_check(const utae_config *c, const char *where)
{
    int rc = OK;
    TRY(divides(where, "encoder_widths", last(&c->encoder_widths), "n_head", c->n_head));
    TRY(divides(where, c->d_model.present ? "d_model" : "encoder_widths", attention_width(c), "n_head", c->n_head));
    if (!strcmp(c->agg_mode, "att_group"))
        for (int i = 0; i + 1 < c->encoder_widths.count; i++)
            TRY(divides(where, "encoder_widths", c->encoder_widths.value[i], "n_head", c->n_head));
    if (!strcmp(c->encoder_norm, "group"))
        for (int i = 0; i < c->encoder_widths.count; i++)
            TRY(divides(where, "encoder_widths", c->encoder_widths.value[i], "the norm's groups", CONV_GROUPS));
done:
    return rc;
}

static int check(const void *config, const char *where)
{
    const utae_config *c = config;
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
    return heads_check(c, where);
}

static dense_facts facts(const void *config)
{
    const utae_config *c = config;
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

static conv_settings conv_settings_of(const utae_config *c, enum image_norm_kind norm, bool exact)
{
    return (conv_settings){norm, padding_named(c->padding_mode), c->str_conv_k, c->str_conv_s, c->str_conv_p, exact};
}

static ltae2d_config attention_settings(const utae_config *c, const dense_inputs *in)
{
    return (ltae2d_config){
        .heads = c->n_head,
        .d_k = c->d_k,
        .d_model = c->d_model,
        .mlp = {2, {attention_width(c), last(&c->encoder_widths)}},
        .dropout = c->dropout,
        .attention_dropout = c->attention_dropout,
        .period = c->T,
        .dates = in->dates,
        .pad_value = (float)c->pad_value,
    };
}

static tensor *aggregate(net *n, tensor *(*skip)[DENSE_MAPS_MAX], int level, const dense_inputs *in, tensor *attention,
                         const dense_outputs *out, const utae_config *c)
{
    tensor *part[DENSE_PARTS_MAX];
    const bool plain = !strcmp(c->agg_mode, "mean");
    const aggregate_options options = {plain                              ? AGGREGATE_MEAN
                                       : strcmp(c->agg_mode, "att_group") ? AGGREGATE_MEAN_HEAD
                                                                          : AGGREGATE_GROUP,
                                       out->map_height, out->map_width};
    for (int p = 0; p < in->parts; p++) part[p] = skip[p][level];
    return temporal_aggregate(n, part, in->parts, in->offsets, plain ? NULL : attention, options);
}

static dense_outputs build(const void *config, net *n, const dense_inputs *in)
{
    const utae_config *c = config;
    const conv_settings s = conv_settings_of(c, NORM_BATCH, in->exact);
    const conv_settings encoder = conv_settings_of(c, image_norm_named(c->encoder_norm), in->exact);
    const ltae2d_config attention = attention_settings(c, in);
    const position_range positions = {in->positions, in->first_position, in->position_lines, NULL};
    const int_list *widths = decoder_widths(c);
    tensor *skip[DENSE_PARTS_MAX][DENSE_MAPS_MAX], *deepest[DENSE_PARTS_MAX];
    dense_outputs out = {0};
    for (int p = 0; p < in->parts; p++)
        deepest[p] = unet_encode(n, in->part[p], &c->encoder_widths, &encoder, &encoder, skip[p]);
    tensor *x = frames_join(n, deepest, in->parts);
    if (!x) return out;
    out.map_height = x->shape.size[1];
    out.map_width = x->shape.size[2];
    x = ltae2d(n, "temporal_encoder", x, in->offsets, positions, &attention, &out.attention);
    out.map[out.maps++] = x;
    for (int i = 0; i + 1 < widths->count; i++) {
        const int level = widths->count - 2 - i;
        tensor *joined = aggregate(n, skip, level, in, out.attention, &out, c);
        x = up_block(n, scope(n, "up_blocks.%d", i), x, joined, widths->value[level], &s);
        out.map[out.maps++] = x;
    }
    if (in->features_only)
        unet_classify_parameters(n, widths->value[0], &c->out_conv, &s);
    else
        out.logits = unet_classify(n, x, &c->out_conv, &s);
    return out;
}

const model_def utae_def = {"utae", "U-TAE", fields, sizeof(utae_config), check, MODEL_DENSE, NULL, build, facts};
