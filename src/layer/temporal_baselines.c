/* The temporal encoders that L-TAE is compared with. */
#include "layer/mlp.h"
#include "layer/temporal.h"
#include "op/image.h"

enum { PERIOD = 1000 /* of the sinusoids, published */, TAPS = 3 };

static tensor *place(net *n, tensor *x, position_range positions, const temporal_config *c)
{
    if (!x || !c->placed) return x;
    const int channels = tensor_channels(x);
    return add_positions(n, x, position_lookup(n, positions, channels, channels, PERIOD));
}

tensor *gated_recurrent_unit(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                             const temporal_config *c, tensor **map)
{
    enum { PRODUCTS = 3 };
    *map = NULL;
    x = place(n, x, positions, c);
    if (!x) return NULL;
    const int lines = PRODUCTS * c->hidden;
    const char *cell = scope(n, "%s.gru_cell", prefix);
    /* The published weight_init draws a GRU's biases from normal(0, 1). */
    tensor *weight[2], *bias[2];
    for (int i = 0; i < 2; i++) {
        const char *of = i ? "hh" : "ih";
        weight[i] =
            net_parameter(n, scope(n, "%s.weight_%s_l0", cell, of), SHAPE(lines, i ? c->hidden : tensor_channels(x)),
                          PARAMETER_TRAINED, INITIAL_ORTHOGONAL, 1);
        bias[i] =
            net_parameter(n, scope(n, "%s.bias_%s_l0", cell, of), SHAPE(lines), PARAMETER_TRAINED, INITIAL_NORMAL, 1);
    }
    return gru(n, linear(n, x, weight[0], bias[0]), offsets, weight[1], bias[1], c->most_dates);
}

/* Layer i of PREFIX.conv1d: a convolution over three dates, batch norm, ReLU. */
static tensor *date_convolution(net *n, const char *prefix, int i, tensor *x, tensor *offsets, int outputs)
{
    if (!x) return NULL;
    const char *key = scope(n, "%s.conv1d.%d", prefix, 3 * i);
    tensor *weight = net_parameter(n, scope(n, "%s.weight", key), SHAPE(outputs, tensor_channels(x), TAPS),
                                   PARAMETER_TRAINED, INITIAL_NORMAL, 1);
    const norm_parameters norm = batch_norm_parameters(n, scope(n, "%s.conv1d.%d", prefix, 3 * i + 1), outputs);
    return linear_norm(n, sequence_windows(n, x, offsets, TAPS), weight, linear_bias(n, key, outputs), norm, true);
}

tensor *temporal_convolutions(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                              const temporal_config *c, tensor **map)
{
    int_list widths = {.count = c->mlp3.count + 1};
    *map = NULL;
    x = place(n, x, positions, c);
    for (int i = 0; i < c->kernels.count; i++) x = date_convolution(n, prefix, i, x, offsets, c->kernels.value[i]);
    for (int i = 0; i < c->mlp3.count; i++) widths.value[i + 1] = c->mlp3.value[i];
    return mlp(n, scope(n, "%s.linear", prefix), sequence_flat(n, x, offsets, c->dates), &widths, true);
}
