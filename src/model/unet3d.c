/* UNet-3D: Semantic Segmentation of Crop Type in Africa: A Novel Dataset and Analysis of Deep Learning Methods (Rustowicz
 * et al., CVPR Workshops 2019), in the form that PASTIS's benchmark compares with. Convolutions over dates, rows and
 * columns; dates are halved and doubled with the resolution; the mean over the dates is the result. */
#include "base/error.h"
#include "layer/mlp.h"
#include "model/definition.h"
#include "op/image.h"

typedef struct unet3d_config {
    int in_channel, n_classes, feats;
    double pad_value;
    bool zero_pad;
} unet3d_config;

/* clang-format off */
static const field fields[] = {
    {"in_channel", FIELD_INT, offsetof(unet3d_config, in_channel), "10", 1, 4096, NULL, "bands of the input"},
    {"n_classes", FIELD_INT, offsetof(unet3d_config, n_classes), "20", 1, 65536, NULL, "classes"},
    {"feats", FIELD_INT, offsetof(unet3d_config, feats), "8", 1, 4096, NULL,
     "channels: 4, 8 and 16 times as many at the three resolutions"},
    {"pad_value", FIELD_REAL, offsetof(unet3d_config, pad_value), "0", -1e6, 1e6, NULL,
     "value of the frames that a batch is padded with (see padding)"},
    {"zero_pad", FIELD_BOOL, offsetof(unet3d_config, zero_pad), "true", 0, 0, NULL,
     "convolutions see zeros in their place"},
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

enum { KERNEL = 3, HALVINGS = 2 };

static int check(const void *config, const char *where)
{
    (void)config; /* any widths meet */
    (void)where;
    return OK;
}

static dense_facts facts(const void *config)
{
    const unet3d_config *c = config;
    return (dense_facts){
        .bands = c->in_channel,
        .classes = c->n_classes,
        .stages = 1 + HALVINGS,
        .stride_kernel = 2,
        .stride = 2,
        .least = 1,
        .least_dates = 1 << HALVINGS,
        .equal_series = true,
    };
}

/* ---- layers ------------------------------------------------------------------------------------------------------ */

static tensor *weight_of(net *n, const char *key, int first, int second)
{
    const shape s = SHAPE(first, second, KERNEL, KERNEL, KERNEL);
    return net_parameter(n, scope(n, "%s.weight", key), s, PARAMETER_TRAINED, INITIAL_XAVIER_NORMAL, 1);
}

static conv_options options_of(const net *n, bool exact)
{
    return (conv_options){.kernel = KERNEL, .stride = 1, .padding = 1, .moments = net_training(n), .exact = exact};
}

/* Batch norm and leaky ReLU, pending. */
static tensor *normed(net *n, const char *prefix, tensor *z)
{
    if (!z) return NULL;
    const image_norm_options options = {NORM_BATCH, 0, LEAKY_RELU};
    return image_norm(n, z, batch_norm_parameters(n, prefix, tensor_channels(z)), options);
}

/* PREFIX.{at}: 3 x 3 x 3 convolution. */
static tensor *conv(net *n, const char *prefix, int at, tensor *x, int outputs, int dates, bool exact)
{
    if (!x) return NULL;
    const char *key = scope(n, "%s.%d", prefix, at);
    tensor *weight = weight_of(n, key, outputs, tensor_channels(x));
    return conv3d(n, x, weight, linear_bias(n, key, outputs), options_of(n, exact), dates, 1);
}

/* That, and PREFIX.{at + 1}: norm. */
static tensor *conv_normed(net *n, const char *prefix, int at, tensor *x, int outputs, int dates, bool exact)
{
    return normed(n, scope(n, "%s.%d", prefix, at + 1), conv(n, prefix, at, x, outputs, dates, exact));
}

/* Two of them. The first one's output may be computed twice to save memory, when recompute. */
static tensor *conv_pair(net *n, const char *prefix, tensor *x, int middle, int outputs, int dates, bool exact,
                         bool recompute)
{
    tensor *z = conv(n, prefix, 0, x, middle, dates, exact);
    if (recompute) net_recompute(n, z);
    return conv_normed(n, prefix, 3, normed(n, scope(n, "%s.1", prefix), z), outputs, dates, exact);
}

/* Twice the dates, rows and columns. */
static tensor *doubled(net *n, const char *key, tensor *x, int outputs, int dates, bool exact)
{
    if (!x) return NULL;
    conv_options options = options_of(n, exact);
    options.stride = 2;
    tensor *weight = weight_of(n, key, tensor_channels(x), outputs);
    return conv_transpose3d(n, x, weight, linear_bias(n, key, outputs), options, dates);
}

/* The last convolution and its mean over the dates that are no padding, which is the convolution of means. */
static tensor *classified(net *n, tensor *x, tensor *offsets, int classes, bool exact)
{
    tensor *means = date_means(n, x, offsets, KERNEL);
    if (!means) return NULL;
    conv_options options = options_of(n, exact);
    options.moments = false;
    tensor *weight = weight_of(n, "final", classes, tensor_channels(means));
    return conv3d(n, means, weight, linear_bias(n, "final", classes), options, KERNEL, 0);
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

/* All series as long as the longest. */
static tensor *equal_series(net *n, const unet3d_config *c, const dense_inputs *in)
{
    tensor *x = in->part[0];
    const int series = in->offsets->shape.size[0] - 1;
    if (!x || x->shape.size[0] == series * in->longest) return x;
    return series_pad(n, x, in->offsets, in->longest, c->zero_pad ? 0 : (float)c->pad_value);
}

static dense_outputs build(const void *config, net *n, const dense_inputs *in)
{
    const unet3d_config *c = config;
    const bool exact = in->exact;
    if (!in->offsets) return (dense_outputs){0};
    const int series = in->offsets->shape.size[0] - 1, fine = 4 * c->feats, middle = 8 * c->feats, deep = 16 * c->feats;
    const int dates = in->longest, half = dates / 2, quarter = half / 2; /* what is left over is not seen again */
    tensor *en3 = conv_pair(n, "en3", equal_series(n, c, in), fine, fine, dates, exact, true);
    tensor *en4 = conv_pair(n, "en4", max_pool3d(n, en3, dates), middle, middle, half, exact, false);
    tensor *x = conv_normed(n, "center_in", 0, max_pool3d(n, en4, half), deep, quarter, exact);
    x = conv_normed(n, "center_out", 0, x, deep, quarter, exact);
    x = doubled(n, "center_out.3", x, middle, quarter, exact);
    x = conv_pair(n, "dc4", series_concat(n, x, en4, series), middle, middle, 2 * quarter, exact, false);
    x = normed(n, "trans3.1", doubled(n, "trans3.0", x, fine, 2 * quarter, exact));
    x = conv_pair(n, "dc3", series_concat(n, x, en3, series), fine, 2 * c->feats, 4 * quarter, exact, false);
    return (dense_outputs){.logits = classified(n, x, in->offsets, c->n_classes, exact)};
}

const model_def unet3d_def = {"unet3d", "UNet-3D",   "final.", fields, sizeof(unet3d_config),
                              check,    MODEL_DENSE, NULL,     build,  facts};
