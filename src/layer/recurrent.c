#include "layer/recurrent.h"

#include "layer/mlp.h"
#include "op/image.h"

/* Some of a batch's patches, and the recurrence over them. */
typedef struct group {
    int first, patches;
} group;

/* As many patches at a time as keep the gates of all their dates within what one tensor may have, and the device can
 * allocate. Patches do not meet, so that a batch may be run in groups; each but the last is of this many. */
static int patches_each(net *n, const tensor *x, const recurrent_settings *s, int gates)
{
    const uint64_t device_floats = device_about(net_device(n))->allocation_limit / sizeof(float);
    const uint64_t limit = device_floats < INT32_MAX ? device_floats : INT32_MAX;
    const int *size = x->shape.size, patches = (int)tensor_count(s->offsets) - 1;
    const int carried = s->hidden + s->hidden / 8; /* at most (op/recurrence.h) */
    const uint64_t channels = (uint64_t)(gates * carried > size[3] ? gates * carried : size[3]);
    const uint64_t each = limit / ((uint64_t)s->steps * (uint64_t)size[1] * (uint64_t)size[2] * channels);
    return each < 1 ? 1 : each < (uint64_t)patches ? (int)each : patches;
}

/* Their frames in steps; a single patch's are already. */
static tensor *in_steps(net *n, tensor *x, const recurrent_settings *s, group g, bool reverse)
{
    if (tensor_count(s->offsets) == 2 && x->shape.size[0] == s->steps && !reverse) return x;
    const series_steps_options options = {.steps = s->steps,
                                          .first = g.first,
                                          .patches = g.patches,
                                          .reverse = reverse,
                                          .padding_first = !s->skip,
                                          .pad_value = reverse ? 0 : s->pad_value};
    return series_steps(n, materialise(n, x), s->offsets, options);
}

static recurrence_options options_of(const recurrent_settings *s, group g)
{
    return (recurrence_options){
        .kernel = s->kernel, .first = g.first, .patches = g.patches, .skip = s->skip, .exact = s->exact};
}

/* The weight of a convolution of [input, state]. */
static tensor *joint_weight(net *n, const char *key, int outputs, int inputs, const recurrent_settings *s)
{
    const shape size = SHAPE(outputs, inputs + s->hidden, s->kernel, s->kernel);
    return net_parameter(n, scope(n, "%s.weight", key), size, PARAMETER_TRAINED, INITIAL_XAVIER_NORMAL, 1);
}

/* A recurrence with its parameters. */
typedef struct cell {
    bool lstm;
    tensor *weight, *bias;    /* of the LSTM */
    conv_gru_weights weights; /* of the GRU */
} cell;

static tensor *group_run(net *n, tensor *x, const cell *c, const recurrent_settings *s, group g, bool reverse)
{
    tensor *steps = in_steps(n, x, s, g, reverse);
    return c->lstm ? conv_lstm(n, steps, s->offsets, c->weight, c->bias, options_of(s, g))
                   : conv_gru(n, steps, s->offsets, c->weights, options_of(s, g));
}

static tensor *groups_run(net *n, tensor *x, const cell *c, const recurrent_settings *s, int each, bool reverse)
{
    tensor *state[NODE_INPUTS_MAX];
    const int patches = (int)tensor_count(s->offsets) - 1;
    int count = 0;
    if ((patches - 1) / each + 1 > NODE_INPUTS_MAX) each = (patches - 1) / NODE_INPUTS_MAX + 1;
    if (each < patches) x = materialise(n, x); /* once */
    for (int first = 0; first < patches && x; first += each) {
        const group g = {first, patches - first < each ? patches - first : each};
        state[count++] = group_run(n, x, c, s, g, reverse);
    }
    return count > 1 ? frames_join(n, state, count) : count ? state[0] : NULL;
}

tensor *conv_lstm_layer(net *n, const char *prefix, tensor *x, const recurrent_settings *s, bool reverse)
{
    enum { GATES = 4 };
    if (!x || !s->offsets) return NULL;
    const char *key = scope(n, "%s.cell_list.0.conv", prefix);
    const int outputs = GATES * s->hidden;
    const cell c = {.lstm = true,
                    .weight = joint_weight(n, key, outputs, tensor_channels(x), s),
                    .bias = linear_bias(n, key, outputs)};
    return groups_run(n, x, &c, s, patches_each(n, x, s, GATES), reverse);
}

tensor *conv_gru_layer(net *n, const char *prefix, tensor *x, const recurrent_settings *s)
{
    enum { GATES = 2 };
    if (!x || !s->offsets) return NULL;
    const char *gates = scope(n, "%s.cell_list.0.in_conv", prefix),
               *fresh = scope(n, "%s.cell_list.0.out_conv", prefix);
    const int inputs = tensor_channels(x), outputs = GATES * s->hidden;
    const cell c = {.weights = {.gates_weight = joint_weight(n, gates, outputs, inputs, s),
                                .gates_bias = linear_bias(n, gates, outputs),
                                .fresh_weight = joint_weight(n, fresh, s->hidden, inputs, s),
                                .fresh_bias = linear_bias(n, fresh, s->hidden)}};
    return groups_run(n, x, &c, s, patches_each(n, x, s, GATES), false);
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
