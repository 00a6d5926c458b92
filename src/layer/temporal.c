#include "layer/temporal.h"

#include <math.h>

#include "base/error.h"
#include "layer/mlp.h"

/* ---- position tables -------------------------------------------------------------------------------------------- */

typedef struct sinusoid {
    int first, lines, channels; /* of the whole line */
    int width;                  /* of the sinusoid, repeated to fill the line */
    int period;
} sinusoid;

/* angle p / period^(2 floor(i / 2) / width); sine at even, cosine at odd i */
void position_row(int position, int channels, int width, int period, float *out)
{
    for (int c = 0; c < channels; c++) {
        int i = c % width;
        double angle = position / pow(period, 2.0 * (i / 2) / width);
        out[c] = (float)(i % 2 ? cos(angle) : sin(angle));
    }
}

static void sinusoid_fill(const void *user, float *values)
{
    const sinusoid *s = user;
    for (int p = 0; p < s->lines; p++)
        position_row(s->first + p, s->channels, s->width, s->period, values + (size_t)p * (size_t)s->channels);
}

position_rows position_lookup(net *n, position_range range, int channels, int width, int period)
{
    if (range.given) return (position_rows){range.given, range.rows};
    const sinusoid s = {range.first, range.lines, channels, width, period};
    const char *key = scope(n, "sinusoids of %d from %d, %d wide, period %d", range.lines, range.first, width, period);
    tensor *table = net_constant(n, key, SHAPE(range.lines, channels), sinusoid_fill, &s);
    return (position_rows){table, range.rows};
}

/* ---- shared parts ----------------------------------------------------------------------------------------------- */

/* PREFIX.inconv: conv1d of width 1 to d_model, then a norm over the whole sequence. The published weight_init draws
 * conv1d weights and biases from normal(0, 1). */
static tensor *projection(net *n, const char *prefix, tensor *x, tensor *offsets, const temporal_config *c,
                          position_rows positions)
{
    if (!x) return NULL;
    int d_model = c->d_model.value;
    tensor *weight = net_parameter(n, scope(n, "%s.inconv.0.weight", prefix), SHAPE(d_model, tensor_channels(x), 1),
                                   PARAMETER_TRAINED, INITIAL_NORMAL, 1);
    tensor *projected = linear(n, x, weight, linear_bias(n, scope(n, "%s.inconv.0", prefix), d_model));
    tensor *scale = NULL, *shift = NULL;
    if (c->projection_weights) {
        shape s = SHAPE(d_model, c->longest);
        scale = net_parameter(n, scope(n, "%s.inconv.1.weight", prefix), s, PARAMETER_TRAINED, INITIAL_ONE, 0);
        shift = net_parameter(n, scope(n, "%s.inconv.1.bias", prefix), s, PARAMETER_TRAINED, INITIAL_ZERO, 0);
    }
    return sequence_norm(n, projected, offsets, scale, shift, positions);
}

static attention_options options_of(const temporal_config *c, bool shared_query)
{
    return (attention_options){c->heads, c->d_k, shared_query, (float)c->attention_dropout};
}

/* MLP3, dropout and the last layer norm. */
static tensor *embed(net *n, const char *prefix, tensor *heads, const temporal_config *c)
{
    tensor *x = mlp(n, scope(n, "%s.mlp", prefix), heads, &c->mlp3, true);
    return layer_norm_layer(n, scope(n, "%s.outlayernorm", prefix), dropout(n, x, (float)c->dropout),
                            (position_rows){0});
}

/* ---- the two encoders ------------------------------------------------------------------------------------------- */

tensor *temporal_attention(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                           const temporal_config *c, tensor **map)
{
    if (!x) return NULL;
    int channels = tensor_channels(x), width = c->heads * c->d_k;
    x = layer_norm_layer(n, scope(n, "%s.inlayernorm", prefix), x,
                         position_lookup(n, positions, channels, channels, c->period));
    if (c->d_model.present) x = projection(n, prefix, x, offsets, c, (position_rows){0});
    if (!x) return NULL;
    /* The query is the mean over dates of a linear layer: the mean first, then the layer, is the same and cheaper. */
    const char *heads = scope(n, "%s.attention_heads", prefix);
    tensor *query = linear_layer(n, scope(n, "%s.fc1_q", heads), sequence_mean(n, x, offsets), width);
    query = batch_norm(n, query, batch_norm_parameters(n, scope(n, "%s.fc2.0", heads), width), false);
    query = linear_layer(n, scope(n, "%s.fc2.1", heads), query, width);
    const char *keys = scope(n, "%s.fc1_k", heads);
    tensor *y = attention(n, x, offsets, query, linear_weight(n, keys, width, tensor_channels(x)),
                          linear_bias(n, keys, width), options_of(c, false), map);
    return embed(n, prefix, y, c);
}

tensor *lightweight_temporal_attention(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                                       const temporal_config *c, tensor **map)
{
    if (!x) return NULL;
    int d_model = c->d_model.present ? c->d_model.value : tensor_channels(x), width = c->heads * c->d_k;
    position_rows rows = position_lookup(n, positions, d_model, d_model / c->heads, c->period);
    x = layer_norm_layer(n, scope(n, "%s.inlayernorm", prefix), x, c->d_model.present ? (position_rows){0} : rows);
    if (c->d_model.present) x = projection(n, prefix, x, offsets, c, rows);
    const char *heads = scope(n, "%s.attention_heads", prefix), *keys = scope(n, "%s.fc1_k", heads);
    tensor *query = net_parameter(n, scope(n, "%s.Q", heads), SHAPE(c->heads, c->d_k), PARAMETER_TRAINED,
                                  INITIAL_NORMAL, sqrt(2.0 / c->d_k));
    tensor *y = attention(n, x, offsets, query, linear_weight(n, keys, width, d_model), linear_bias(n, keys, width),
                          options_of(c, true), map);
    return embed(n, prefix, y, c);
}
