#include "layer/recurrent.h"

#include "layer/mlp.h"
#include "op/image.h"

/* The frames in steps; a single patch's are already. */
static tensor *in_steps(net *n, tensor *x, const recurrent_settings *s, bool reverse)
{
    if (!x || !s->offsets) return NULL;
    if (tensor_count(s->offsets) == 2 && x->shape.size[0] == s->steps && !reverse) return x;
    const series_steps_options options = {
        .steps = s->steps, .reverse = reverse, .padding_first = !s->skip, .pad_value = reverse ? 0 : s->pad_value};
    return series_steps(n, materialise(n, x), s->offsets, options);
}

static recurrence_options options_of(const recurrent_settings *s)
{
    return (recurrence_options){.kernel = s->kernel, .skip = s->skip, .exact = s->exact};
}

/* The weight of a convolution of [input, state]. */
static tensor *joint_weight(net *n, const char *key, int outputs, int inputs, const recurrent_settings *s)
{
    const shape size = SHAPE(outputs, inputs + s->hidden, s->kernel, s->kernel);
    return net_parameter(n, scope(n, "%s.weight", key), size, PARAMETER_TRAINED, INITIAL_XAVIER_NORMAL, 1);
}

tensor *conv_lstm_layer(net *n, const char *prefix, tensor *x, const recurrent_settings *s, bool reverse)
{
    enum { GATES = 4 };
    const char *key = scope(n, "%s.cell_list.0.conv", prefix);
    x = in_steps(n, x, s, reverse);
    if (!x) return NULL;
    const int outputs = GATES * s->hidden;
    return conv_lstm(n, x, s->offsets, joint_weight(n, key, outputs, tensor_channels(x), s),
                     linear_bias(n, key, outputs), options_of(s));
}

tensor *conv_gru_layer(net *n, const char *prefix, tensor *x, const recurrent_settings *s)
{
    enum { GATES = 2 };
    const char *gates = scope(n, "%s.cell_list.0.in_conv", prefix),
               *fresh = scope(n, "%s.cell_list.0.out_conv", prefix);
    x = in_steps(n, x, s, false);
    if (!x) return NULL;
    const int inputs = tensor_channels(x), outputs = GATES * s->hidden;
    const conv_gru_weights weights = {.gates_weight = joint_weight(n, gates, outputs, inputs, s),
                                      .gates_bias = linear_bias(n, gates, outputs),
                                      .fresh_weight = joint_weight(n, fresh, s->hidden, inputs, s),
                                      .fresh_bias = linear_bias(n, fresh, s->hidden)};
    return conv_gru(n, x, s->offsets, weights, options_of(s));
}

tensor *plain_conv(net *n, const char *prefix, tensor *x, int outputs, int side, bool exact)
{
    if (!x) return NULL;
    const conv_options options = {
        .kernel = side, .stride = 1, .padding = side / 2, .mode = PADDING_ZEROS, .exact = exact};
    tensor *weight = net_parameter(n, scope(n, "%s.weight", prefix), SHAPE(outputs, tensor_channels(x), side, side),
                                   PARAMETER_TRAINED, INITIAL_XAVIER_NORMAL, 1);
    return conv2d(n, x, weight, linear_bias(n, prefix, outputs), options);
}
