/* FPN-ConvLSTM: a baseline of Panoptic Segmentation of Satellite Image Time Series with Convolutional Temporal Attention
 * Networks (Sainte Fare Garnot and Landrieu, ICCV 2021), after Martinez et al., Fully Convolutional Recurrent Networks for
 * Multidate Crop Recognition from Multitemporal Image Sequences (2021). A pyramid of dilated convolutions sees each date by
 * itself; a ConvLSTM over its features at full resolution; a 1 x 1 convolution to the classes. */
#include "base/error.h"
#include "layer/conv_block.h"
#include "layer/mlp.h"
#include "model/recurrent.h"

typedef struct fpn_config {
    int input_dim, num_classes;
    int_list inconv;
    int n_levels, n_channels, hidden_size;
    bool mid_conv;
    double pad_value;
    char *lstm_padding;
} fpn_config;

enum { LEVELS_MAX = 12, SIDE = 3 /* of kernels */ };

/* clang-format off */
static const field fields[] = {
    {"input_dim", FIELD_INT, offsetof(fpn_config, input_dim), "10", 1, 4096, NULL, "bands of the input"},
    {"num_classes", FIELD_INT, offsetof(fpn_config, num_classes), "20", 1, 65536, NULL, "classes"},
    {"inconv", FIELD_INT_LIST, offsetof(fpn_config, inconv), "[32, 64]", 1, 65536, NULL,
     "channels of the first convolutions"},
    {"n_levels", FIELD_INT, offsetof(fpn_config, n_levels), "4", 1, LEVELS_MAX, NULL,
     "levels of the pyramid: convolutions of dilation 1, 2, 4, ..., and the image's maximum"},
    {"n_channels", FIELD_INT, offsetof(fpn_config, n_channels), "64", 1, 65536, NULL, "channels of each level"},
    {"hidden_size", FIELD_INT, offsetof(fpn_config, hidden_size), "88", 1, 65536, NULL, "channels of the ConvLSTM's state"},
    {"mid_conv", FIELD_BOOL, offsetof(fpn_config, mid_conv), "true", 0, 0, NULL,
     "a convolution between them, to half the pyramid's channels"},
    {"pad_value", FIELD_REAL, offsetof(fpn_config, pad_value), "0", -1e6, 1e6, NULL,
     "value of the frames that a batch is padded with (see lstm_padding)"},
    LSTM_PADDING_FIELD(fpn_config),
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static int middle_width(const fpn_config *c)
{
    return c->n_channels * c->n_levels / 2;
}

static int groups_check(const char *where, const char *what, int width)
{
    if (width > 0 && width % CONV_GROUPS == 0) return OK;
    return fail(USAGE, "%s.%s %d, wanted a multiple of the norm's groups (%d)", where, what, width, CONV_GROUPS);
}

static int check(const void *config, const char *where)
{
    int rc = OK;
    const fpn_config *c = config;
    if (c->inconv.count < 1) return fail(USAGE, "%s.inconv has no widths, wanted 1 or more", where);
    for (int i = 0; i < c->inconv.count; i++) TRY(groups_check(where, "inconv holds", c->inconv.value[i]));
    if (c->mid_conv) TRY(groups_check(where, "n_channels x n_levels / 2 is", middle_width(c)));
done:
    return rc;
}

static int dilation_of(int level)
{
    return 1 << level;
}

/* Reflection reaches as far as the widest dilation. */
static dense_facts facts(const void *config)
{
    const fpn_config *c = config;
    const int widest = c->n_levels > 1 ? dilation_of(c->n_levels - 2) : 1;
    return (dense_facts){.bands = c->input_dim,
                         .classes = c->num_classes,
                         .stages = 1,
                         .stride_kernel = 1,
                         .stride = 1,
                         .least = widest + 1,
                         .frames_divide = true};
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

/* PREFIX: 3 x 3, of this dilation, the image continued by its reflection. */
static tensor *dilated_conv(net *n, const char *prefix, tensor *x, int outputs, int dilation, bool exact)
{
    if (!x) return NULL;
    const int height = x->shape.size[1], width = x->shape.size[2];
    conv_options o = {.kernel = SIDE, .stride = 1, .exact = exact};
    tensor *weight = net_parameter(n, scope(n, "%s.weight", prefix), SHAPE(outputs, tensor_channels(x), SIDE, SIDE),
                                   PARAMETER_TRAINED, INITIAL_XAVIER_NORMAL, 1);
    tensor *bias = linear_bias(n, prefix, outputs);
    if (dilation == 1) {
        o.padding = 1;
        o.mode = PADDING_REFLECT;
        return conv2d(n, x, weight, bias, o);
    }
    tensor *y = conv2d(n, image_phases(n, x, dilation, SIDE / 2), weight, bias, o);
    return image_unphases(n, y, dilation, height, width);
}

/* Without norms; what the paper calls a global average is a maximum in the published code. */
static tensor *pyramid(net *n, tensor *x, const fpn_config *c, bool exact)
{
    tensor *level[LEVELS_MAX];
    x = plain_conv(n, "pyramid.inconv", x, c->n_channels, SIDE, exact);
    for (int i = 0; i + 1 < c->n_levels; i++)
        level[i] = dilated_conv(n, scope(n, "pyramid.convs.%d", i), x, c->n_channels, dilation_of(i), exact);
    level[c->n_levels - 1] = image_maximum(n, x);
    return image_concat_all(n, level, c->n_levels);
}

/* What the ConvLSTM sees of one part of the frames; pending when it is not settled. */
static tensor *features(net *n, tensor *x, const fpn_config *c, bool exact)
{
    const conv_settings s = {.norm = NORM_GROUP, .padding = PADDING_REFLECT, .exact = exact};
    int widths[INT_LIST_MAX + 1] = {c->input_dim}, middle[] = {c->n_channels * c->n_levels, middle_width(c)};
    for (int i = 0; i < c->inconv.count; i++) widths[i + 1] = c->inconv.value[i];
    x = conv_layer(n, "inconv.conv", x, widths, c->inconv.count + 1, &s, true);
    x = pyramid(n, x, c, exact);
    return c->mid_conv ? conv_layer(n, "mid_conv.conv", x, middle, 2, &s, false) : x;
}

static dense_outputs build(const void *config, net *n, const dense_inputs *in)
{
    const fpn_config *c = config;
    const recurrent_settings s = recurrent_settings_of(in, c->hidden_size, SIDE, c->pad_value, c->lstm_padding);
    tensor *part[DENSE_PARTS_MAX];
    for (int p = 0; p < in->parts; p++) {
        part[p] = features(n, in->part[p], c, in->exact);
        if (in->parts > 1) part[p] = materialise(n, part[p]);
    }
    tensor *x = in->parts > 1 ? frames_join(n, part, in->parts) : part[0];
    tensor *state = conv_lstm_layer(n, "convlstm", x, &s, false);
    return (dense_outputs){.logits = plain_conv(n, "outconv", state, c->num_classes, 1, in->exact)};
}

const model_def fpn_def = {"fpn", "FPN-ConvLSTM", "outconv.", fields, sizeof(fpn_config),
                           check, MODEL_DENSE,    NULL,       build,  facts};
