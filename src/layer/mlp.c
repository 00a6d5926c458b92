#include "layer/mlp.h"

static tensor *trained(net *n, const char *key, shape s, enum initial initial)
{
    return net_parameter(n, key, s, PARAMETER_TRAINED, initial, 1);
}

norm_parameters batch_norm_parameters(net *n, const char *prefix, int channels)
{
    shape s = SHAPE(channels);
    return (norm_parameters){
        .weight = trained(n, scope(n, "%s.weight", prefix), s, INITIAL_NORMAL),
        .bias = trained(n, scope(n, "%s.bias", prefix), s, INITIAL_ZERO),
        .running_mean = net_parameter(n, scope(n, "%s.running_mean", prefix), s, PARAMETER_STATISTIC, INITIAL_ZERO, 0),
        .running_var = net_parameter(n, scope(n, "%s.running_var", prefix), s, PARAMETER_STATISTIC, INITIAL_ONE, 0),
    };
}

tensor *linear_weight(net *n, const char *prefix, int outputs, int inputs)
{
    return trained(n, scope(n, "%s.weight", prefix), SHAPE(outputs, inputs), INITIAL_XAVIER_NORMAL);
}

tensor *linear_bias(net *n, const char *prefix, int outputs)
{
    return trained(n, scope(n, "%s.bias", prefix), SHAPE(outputs), INITIAL_NORMAL);
}

tensor *linear_layer(net *n, const char *prefix, tensor *x, int outputs)
{
    if (!x) return NULL;
    return linear(n, x, linear_weight(n, prefix, outputs, tensor_channels(x)), linear_bias(n, prefix, outputs));
}

tensor *layer_norm_layer(net *n, const char *prefix, tensor *x, position_rows positions)
{
    if (!x) return NULL;
    shape s = SHAPE(tensor_channels(x));
    tensor *weight = trained(n, scope(n, "%s.weight", prefix), s, INITIAL_ONE);
    return layer_norm(n, x, weight, trained(n, scope(n, "%s.bias", prefix), s, INITIAL_ZERO), positions);
}

/* Layer i of a Sequential of triples. */
static tensor *normed_layer(net *n, const char *prefix, int i, tensor *x, int outputs, bool relu)
{
    if (!x) return NULL;
    const char *key = scope(n, "%s.%d", prefix, 3 * i);
    tensor *weight = linear_weight(n, key, outputs, tensor_channels(x)), *bias = linear_bias(n, key, outputs);
    norm_parameters norm = batch_norm_parameters(n, scope(n, "%s.%d", prefix, 3 * i + 1), outputs);
    return linear_norm(n, x, weight, bias, norm, relu);
}

tensor *mlp(net *n, const char *prefix, tensor *x, const int_list *widths, bool relu_last)
{
    int last = widths->count - 2;
    for (int i = 0; i <= last; i++) x = normed_layer(n, prefix, i, x, widths->value[i + 1], i < last || relu_last);
    return x;
}

tensor *decoder(net *n, const char *prefix, tensor *x, const int_list *widths)
{
    int last = widths->count - 2;
    for (int i = 0; i < last; i++) x = normed_layer(n, prefix, i, x, widths->value[i + 1], true);
    return linear_layer(n, scope(n, "%s.%d", prefix, 3 * last), x, widths->value[last + 1]);
}
