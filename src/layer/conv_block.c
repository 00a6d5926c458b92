#include "layer/conv_block.h"

#include <string.h>

#include "layer/mlp.h"

enum image_norm_kind image_norm_named(const char *name)
{
    return !strcmp(name, "batch") ? NORM_BATCH : !strcmp(name, "instance") ? NORM_INSTANCE : NORM_GROUP;
}

enum padding_mode padding_named(const char *name)
{
    return !strcmp(name, "zeros") ? PADDING_ZEROS : PADDING_REFLECT;
}

/* ---- one convolution and its norm ------------------------------------------------------------------------------- */

/* The published weight_init leaves group norm at 1 and 0; instance norm has no weights. */
static norm_parameters norm_of(net *n, const char *prefix, int channels, enum image_norm_kind kind)
{
    if (kind == NORM_BATCH) return batch_norm_parameters(n, prefix, channels);
    if (kind == NORM_INSTANCE) return (norm_parameters){0};
    const shape s = SHAPE(channels);
    return (norm_parameters){
        .weight = net_parameter(n, scope(n, "%s.weight", prefix), s, PARAMETER_TRAINED, INITIAL_ONE, 0),
        .bias = net_parameter(n, scope(n, "%s.bias", prefix), s, PARAMETER_TRAINED, INITIAL_ZERO, 0),
    };
}

static tensor *normed(net *n, const char *prefix, tensor *z, enum image_norm_kind kind, bool relu)
{
    if (!z) return NULL;
    const image_norm_options options = {kind, CONV_GROUPS, relu ? RELU : NO_RELU};
    return image_norm(n, z, norm_of(n, prefix, tensor_channels(z), kind), options);
}

/* Evaluating, a batch norm knows its statistics and needs no moments. */
static bool moments_needed(const net *n, enum image_norm_kind kind)
{
    return kind != NORM_BATCH || net_training(n);
}

static tensor *conv_weight(net *n, const char *key, int outputs, int inputs, int side)
{
    const shape s = SHAPE(outputs, inputs, side, side);
    return net_parameter(n, scope(n, "%s.weight", key), s, PARAMETER_TRAINED, INITIAL_XAVIER_NORMAL, 1);
}

/* PREFIX.{at}: convolution to `outputs` */
static tensor *conv(net *n, const char *prefix, int at, tensor *x, int outputs, conv_options options,
                    enum image_norm_kind kind)
{
    if (!x) return NULL;
    const char *key = scope(n, "%s.%d", prefix, at);
    tensor *weight = conv_weight(n, key, outputs, tensor_channels(x), options.kernel);
    options.moments = moments_needed(n, kind);
    return conv2d(n, x, weight, linear_bias(n, key, outputs), options);
}

/* That, PREFIX.{at + 1}: norm, and ReLU. */
static tensor *conv_normed(net *n, const char *prefix, int at, tensor *x, int outputs, conv_options options,
                           enum image_norm_kind kind)
{
    return normed(n, scope(n, "%s.%d", prefix, at + 1), conv(n, prefix, at, x, outputs, options, kind), kind, true);
}

static conv_options same_size(const conv_settings *s)
{
    return (conv_options){.kernel = 3, .stride = 1, .padding = 1, .mode = s->padding, .exact = s->exact};
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static tensor *conv_chain(net *n, const char *prefix, tensor *x, const int *widths, int count, const conv_settings *s,
                          bool recompute, bool relu_last)
{
    for (int i = 0; i + 1 < count; i++) {
        tensor *z = conv(n, scope(n, "%s.conv", prefix), 3 * i, x, widths[i + 1], same_size(s), s->norm);
        if (recompute && i == 0) net_recompute(n, z);
        x = normed(n, scope(n, "%s.conv.%d", prefix, 3 * i + 1), z, s->norm, relu_last || i + 2 < count);
    }
    return x;
}

tensor *conv_layer(net *n, const char *prefix, tensor *x, const int *widths, int count, const conv_settings *s,
                   bool recompute)
{
    return conv_chain(n, prefix, x, widths, count, s, recompute, true);
}

tensor *conv_layer_linear(net *n, const char *prefix, tensor *x, const int *widths, int count, const conv_settings *s)
{
    return conv_chain(n, prefix, x, widths, count, s, false, false);
}

void conv_layer_parameters(net *n, const char *prefix, const int *widths, int count, const conv_settings *s)
{
    for (int i = 0; i + 1 < count; i++) {
        const char *key = scope(n, "%s.conv.%d", prefix, 3 * i);
        conv_weight(n, key, widths[i + 1], widths[i], same_size(s).kernel);
        linear_bias(n, key, widths[i + 1]);
        norm_of(n, scope(n, "%s.conv.%d", prefix, 3 * i + 1), widths[i + 1], s->norm);
    }
}

/* x -> conv1, and its sum with conv2 of it. */
static tensor *residual_pair(net *n, const char *prefix, tensor *x, int outputs, const conv_settings *s)
{
    tensor *first = conv_normed(n, scope(n, "%s.conv1.conv", prefix), 0, x, outputs, same_size(s), s->norm);
    tensor *second = conv_normed(n, scope(n, "%s.conv2.conv", prefix), 0, first, outputs, same_size(s), s->norm);
    return image_add(n, first, second);
}

tensor *down_block(net *n, const char *prefix, tensor *x, int outputs, const conv_settings *s)
{
    if (!x) return NULL;
    const conv_options halving = {.kernel = s->stride_kernel,
                                  .stride = s->stride,
                                  .padding = s->stride_padding,
                                  .mode = s->padding,
                                  .exact = s->exact};
    x = conv_normed(n, scope(n, "%s.down.conv", prefix), 0, x, tensor_channels(x), halving, s->norm);
    return residual_pair(n, prefix, x, outputs, s);
}

static tensor *upsampled(net *n, const char *prefix, tensor *x, int outputs, const conv_settings *s)
{
    if (!x) return NULL;
    const conv_options doubling = {.kernel = s->stride_kernel,
                                   .stride = s->stride,
                                   .padding = s->stride_padding,
                                   .moments = moments_needed(n, NORM_BATCH),
                                   .exact = s->exact};
    const char *key = scope(n, "%s.up.0", prefix);
    tensor *weight = net_parameter(n, scope(n, "%s.weight", key),
                                   SHAPE(tensor_channels(x), outputs, s->stride_kernel, s->stride_kernel),
                                   PARAMETER_TRAINED, INITIAL_XAVIER_NORMAL, 1);
    tensor *y = conv_transpose2d(n, x, weight, linear_bias(n, key, outputs), doubling);
    return normed(n, scope(n, "%s.up.1", prefix), y, NORM_BATCH, true);
}

/* A 1 x 1 convolution is a linear layer on every pixel. */
static tensor *projected_skip(net *n, const char *prefix, tensor *skip)
{
    if (!skip) return NULL;
    const int channels = tensor_channels(skip);
    const char *key = scope(n, "%s.skip_conv.0", prefix);
    tensor *weight = net_parameter(n, scope(n, "%s.weight", key), SHAPE(channels, channels, 1, 1), PARAMETER_TRAINED,
                                   INITIAL_XAVIER_NORMAL, 1);
    const norm_parameters norm = batch_norm_parameters(n, scope(n, "%s.skip_conv.1", prefix), channels);
    tensor *y = linear_norm(n, skip, weight, linear_bias(n, key, channels), norm, true);
    return y ? reshape(n, y, skip->shape) : NULL;
}

tensor *up_block(net *n, const char *prefix, tensor *x, tensor *skip, int outputs, const conv_settings *s)
{
    tensor *up = upsampled(n, prefix, x, outputs, s);
    tensor *side = image_concat(n, up, projected_skip(n, prefix, skip));
    return residual_pair(n, prefix, side, outputs, s);
}
