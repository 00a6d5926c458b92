/* U-TAE: Panoptic Segmentation of Satellite Image Time Series with Convolutional Temporal Attention Networks (Sainte Fare
 * Garnot and Landrieu, ICCV 2021). A U-Net whose encoder sees each date by itself; lightweight temporal attention at the
 * lowest resolution; its maps weigh the dates of every skip connection. */
#include <string.h>

#include "base/error.h"
#include "layer/ltae2d.h"
#include "model/unet_settings.h"

typedef struct utae_config {
    unet_settings unet;
    char *agg_mode;
    int n_head, d_k, T;
    optional_int d_model;
    double dropout, attention_dropout;
} utae_config;

/* clang-format off */
static const field fields[] = {
    UNET_SHAPE_FIELDS(utae_config),
    {"agg_mode", FIELD_CHOICE, offsetof(utae_config, agg_mode), "\"att_group\"", 0, 0, "att_group|att_mean|mean",
     "how skips join their dates: each head weighs its channels, the heads' mean weighs all, or the plain mean"},
    {"encoder_norm", FIELD_CHOICE, offsetof(utae_config, unet.encoder_norm), "\"group\"", 0, 0, "group|batch|instance",
     "norm in the encoder"},
    {"n_head", FIELD_INT, offsetof(utae_config, n_head), "16", 1, 1024, NULL, "attention heads"},
    {"d_model", FIELD_OPTIONAL_INT, offsetof(utae_config, d_model), "256", 1, 65536, NULL,
     "width that dates are projected to before attention; null: none"},
    {"d_k", FIELD_INT, offsetof(utae_config, d_k), "4", 1, 4096, NULL, "width of keys and queries"},
    {"T", FIELD_INT, offsetof(utae_config, T), "1000", 1, 1 << 30, NULL, "longest period of the positions' sinusoids"},
    {"dropout", FIELD_REAL, offsetof(utae_config, dropout), "0.2", 0, 0.999, NULL, "dropout after the attention's MLP"},
    {"attention_dropout", FIELD_REAL, offsetof(utae_config, attention_dropout), "0.1", 0, 0.999, NULL,
     "dropout of the attention weights"},
    {"pad_value", FIELD_REAL, offsetof(utae_config, unet.pad_value), "0", -1e6, 1e6, NULL,
     "value of the frames that a batch is padded with (see padding)"},
    {"padding_mode", FIELD_CHOICE, offsetof(utae_config, unet.padding_mode), "\"reflect\"", 0, 0, "reflect|zeros",
     "what convolutions see beyond the image"},
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static int attention_width(const utae_config *c)
{
    return c->d_model.present ? c->d_model.value : unet_last(&c->unet.encoder_widths);
}

static int heads_divide(const utae_config *c, const char *where, const char *key, int width)
{
    if (width % c->n_head == 0) return OK;
    return fail(USAGE, "%s.%s holds %d, wanted a multiple of n_head (%d)", where, key, width, c->n_head);
}

static int check(const void *config, const char *where)
{
    int rc = OK;
    const utae_config *c = config;
    const int_list *encoder = &c->unet.encoder_widths;
    TRY(unet_check(&c->unet, where));
    TRY(heads_divide(c, where, "encoder_widths", unet_last(encoder)));
    TRY(heads_divide(c, where, c->d_model.present ? "d_model" : "encoder_widths", attention_width(c)));
    if (!strcmp(c->agg_mode, "att_group"))
        for (int i = 0; i + 1 < encoder->count; i++) TRY(heads_divide(c, where, "encoder_widths", encoder->value[i]));
    if (!strcmp(c->unet.encoder_norm, "group")) TRY(unet_groups_check(where, "encoder_widths", encoder));
done:
    return rc;
}

static dense_facts facts(const void *config)
{
    return unet_facts(&((const utae_config *)config)->unet);
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static ltae2d_config attention_settings(const utae_config *c, const dense_inputs *in)
{
    return (ltae2d_config){
        .heads = c->n_head,
        .d_k = c->d_k,
        .d_model = c->d_model,
        .mlp = {2, {attention_width(c), unet_last(&c->unet.encoder_widths)}},
        .dropout = c->dropout,
        .attention_dropout = c->attention_dropout,
        .period = c->T,
        .dates = in->dates,
        .pad_value = (float)c->unet.pad_value,
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
    const unet_settings *unet = &c->unet;
    const enum padding_mode padding = padding_named(unet->padding_mode);
    const conv_settings s = unet_conv_settings(unet, NORM_BATCH, padding, in->exact);
    const conv_settings encoder = unet_conv_settings(unet, image_norm_named(unet->encoder_norm), padding, in->exact);
    const ltae2d_config attention = attention_settings(c, in);
    const position_range positions = {in->positions, in->first_position, in->position_lines, NULL};
    const int_list *widths = unet_decoder_widths(unet);
    tensor *skip[DENSE_PARTS_MAX][DENSE_MAPS_MAX], *deepest[DENSE_PARTS_MAX];
    dense_outputs out = {0};
    for (int p = 0; p < in->parts; p++)
        deepest[p] = unet_encode(n, in->part[p], &unet->encoder_widths, &encoder, &encoder, skip[p]);
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
        unet_classify_parameters(n, widths->value[0], &unet->out_conv, &s);
    else
        out.logits = unet_classify(n, x, &unet->out_conv, &s);
    return out;
}

const model_def utae_def = {"utae", "U-TAE",     "out_conv.", fields, sizeof(utae_config),
                            check,  MODEL_DENSE, NULL,        build,  facts};
