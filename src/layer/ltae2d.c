#include "layer/ltae2d.h"

#include <math.h>

#include "layer/mlp.h"
#include "op/image.h"

/* PREFIX.in_norm, PREFIX.out_norm: a group for each head. offsets NULL: every frame is a series of its own. */
static tensor *head_norm(net *n, const char *prefix, tensor *x, tensor *offsets, series_norm_options options)
{
    if (!x) return NULL;
    const shape s = SHAPE(tensor_channels(x));
    tensor *weight = net_parameter(n, scope(n, "%s.weight", prefix), s, PARAMETER_TRAINED, INITIAL_ONE, 0);
    tensor *bias = net_parameter(n, scope(n, "%s.bias", prefix), s, PARAMETER_TRAINED, INITIAL_ZERO, 0);
    return series_norm(n, x, offsets, weight, bias, options);
}

/* PREFIX.inconv: a conv1d of width 1; the published weight_init draws its weights from normal(0, 1). */
static tensor *projection(net *n, const char *prefix, tensor *x, int d_model)
{
    if (!x) return NULL;
    const char *key = scope(n, "%s.inconv", prefix);
    tensor *weight = net_parameter(n, scope(n, "%s.weight", key), SHAPE(d_model, tensor_channels(x), 1),
                                   PARAMETER_TRAINED, INITIAL_NORMAL, 1);
    return linear(n, x, weight, linear_bias(n, key, d_model));
}

static tensor *attended(net *n, const char *prefix, tensor *x, tensor *sequences, const ltae2d_config *c, tensor **map)
{
    if (!x) return NULL;
    const int width = c->heads * c->d_k;
    const char *heads = scope(n, "%s.attention_heads", prefix), *keys = scope(n, "%s.fc1_k", heads);
    tensor *query = net_parameter(n, scope(n, "%s.Q", heads), SHAPE(c->heads, c->d_k), PARAMETER_TRAINED,
                                  INITIAL_NORMAL, sqrt(2.0 / c->d_k));
    const attention_options options = {c->heads, c->d_k, true, (float)c->attention_dropout};
    return attention(n, x, sequences, query, linear_weight(n, keys, width, tensor_channels(x)),
                     linear_bias(n, keys, width), options, map);
}

tensor *ltae2d(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions, const ltae2d_config *c,
               tensor **map)
{
    tensor *sequences = NULL, *rows = NULL;
    if (!x || !offsets) return NULL;
    const int height = x->shape.size[1], width = x->shape.size[2], patches = offsets->shape.size[0] - 1;
    const series_norm_options padded = {c->heads, c->dates, c->pad_value}, own = {c->heads, 0, 0};
    pixel_sequences(n, offsets, positions.rows, height * width, &sequences, &rows);
    positions.rows = rows;
    x = head_norm(n, scope(n, "%s.in_norm", prefix), x, offsets, padded);
    if (c->d_model.present) x = projection(n, prefix, x, c->d_model.value);
    if (!x) return NULL;
    const int channels = tensor_channels(x);
    x = add_positions(n, x, position_lookup(n, positions, channels, channels / c->heads, c->period));
    x = attended(n, prefix, x, sequences, c, map);
    x = mlp(n, scope(n, "%s.mlp", prefix), x, &c->mlp, true);
    x = dropout(n, x, (float)c->dropout);
    if (!x) return NULL;
    const shape image = SHAPE(patches, height, width, tensor_channels(x));
    x = head_norm(n, scope(n, "%s.out_norm", prefix), reshape(n, x, image), NULL, own);
    return x ? reshape(n, x, image) : NULL;
}
