/* A convolutional LSTM over series of images (Shi et al. 2015, without peepholes); see image.h.
 *
 *   i, f, o = sigmoid(..), g = tanh(..) of the convolution of [x, h];  c' = f c + i g;  h' = o tanh(c')
 *
 * Forward: the convolution's x part for all dates is one launch; a date then is the h part and one kernel for all that is
 * pointwise. Backward goes the dates back: that kernel's counterpart and the h part's data gradient; then, over all dates
 * at once, the gradients of the weight's two parts and of x.
 * Saved: the gates and the cell before each step; the hidden states are made again from them.
 * Launches: 2 + 2 a date forward (and the packing of weights), 2 a date + about 8 backward. */
#include "base/error.h"
#include "op/recurrence.h"

enum { X, OFFSETS, WEIGHT, BIAS, INPUTS };
enum { GATES, BEFORE };                                                /* saved; GATES is work where nothing is saved */
enum { HIDDEN, STATE, INPUT_WEIGHT, STATE_WEIGHT, PACKED, OWN_GATES }; /* work */
enum { D_GATES, D_STEP, D_CELL, D_HIDDEN, STATES, INPUT_WEIGHT_BACK, STATE_WEIGHT_BACK, SCRATCH }; /* in backward */
enum { GATES_OF = 4 };

static joint_conv sizes_of(const node *n)
{
    return joint_of(n, X, OFFSETS, WEIGHT, n->attributes);
}

static shape state_shape(const joint_conv *j, int frames, int gates)
{
    return SHAPE(frames, j->height, j->width, gates * j->state);
}

static int backward_declare(node *n, const joint_conv *j)
{
    int rc = OK;
    const device *d = node_device(n);
    const int frames = joint_frames(j);
    node_keep_input(n, X);
    node_keep_input(n, WEIGHT);
    node_keep_input(n, OFFSETS);
    TRY(node_save(n, ELEMENT_FLOAT, state_shape(j, frames, GATES_OF)));
    TRY(node_save(n, ELEMENT_FLOAT, state_shape(j, frames, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, frames, GATES_OF)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, j->patches, GATES_OF)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, j->patches, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, j->patches, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, frames, 1)));
    TRY(joint_scratch(n, node_work_back, joint_input_floats(j)));
    TRY(joint_scratch(n, node_work_back, joint_state_floats(j)));
    TRY(joint_scratch(n, node_work_back, joint_packed_back(d, j)));
done:
    return rc;
}

static int conv_lstm_shape(node *n)
{
    int rc = OK;
    const recurrence_options *o = n->attributes;
    TRY(joint_wanted(n, X, OFFSETS, WEIGHT, o, GATES_OF));
    const joint_conv j = sizes_of(n);
    TRY(joint_fits(node_device(n), &j));
    TRY(node_output(n, ELEMENT_FLOAT, state_shape(&j, j.patches, 1)));
    TRY(node_work(n, ELEMENT_FLOAT, state_shape(&j, j.patches, 1)));
    TRY(node_work(n, ELEMENT_FLOAT, state_shape(&j, j.patches, GATES_OF)));
    TRY(joint_scratch(n, node_work, joint_input_floats(&j)));
    TRY(joint_scratch(n, node_work, joint_state_floats(&j)));
    TRY(joint_scratch(n, node_work, joint_packed(node_device(n), &j)));
    if (!n->training) TRY(node_work(n, ELEMENT_FLOAT, state_shape(&j, joint_frames(&j), GATES_OF)));
    TRY(backward_declare(n, &j));
done:
    return rc;
}

/* The kernels' arguments about the patches' series: the batch's offsets (NULL: no series is shorter), and which is ours. */
static argument lengths(const node *n)
{
    return arg_buffer(recurrence_lengths(n, OFFSETS, n->attributes));
}

static argument first_patch(const node *n)
{
    return arg_int(((const recurrence_options *)n->attributes)->first);
}

static cost step_cost(const joint_conv *j, double flops, double values)
{
    const double channels = (double)joint_rows(j) * j->state;
    return (cost){flops * channels, 4 * values * channels};
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static int input_part(node *n, device *d, const joint_conv *j, buffer *gates)
{
    const tensor *x = n->in[X];
    conv_call c = joint_input(j);
    c.x = x->data;
    c.pending = pending_options(x);
    c.scale_shift = pending_scale_shift(x);
    c.scale_stride = pending_stride(x);
    c.weight = n->work[INPUT_WEIGHT]->data;
    c.bias = n->in[BIAS]->data;
    c.packed = n->work[PACKED]->data;
    c.y = gates;
    return conv_convolve(d, &c, j->exact, NULL);
}

static int conv_lstm_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    team_form f;
    const joint_conv j = sizes_of(n);
    const int rows = joint_rows(&j), saves = n->training;
    buffer *gates = saves ? n->saved[GATES]->data : n->work[OWN_GATES]->data, *state = n->work[STATE]->data;
    conv_call part = joint_state(&j);
    part.x = n->work[HIDDEN]->data;
    part.weight = n->work[STATE_WEIGHT]->data;
    part.packed = n->work[PACKED]->data;
    part.y = state;
    TRY(joint_split(r->device, &j, n->in[WEIGHT]->data, n->work[INPUT_WEIGHT]->data, n->work[STATE_WEIGHT]->data));
    TRY(input_part(n, r->device, &j, gates));
    TRY(recurrence_kernel(r->device, "conv_lstm", "lstm_step", j.state, &f, &k));
    for (int step = 0; step < j.steps; step++) {
        part.packed_before = step > 1;
        if (step) TRY(conv_convolve(r->device, &part, j.exact, NULL));
        TRY(LAUNCH(k, team_groups(rows, RECURRENCE_ROWS), 1, 1, (size_t)f.lanes, step_cost(&j, 110, saves ? 16 : 11),
                   arg_buffer(gates), arg_int(step * rows), arg_buffer(step ? state : NULL),
                   arg_buffer(n->out[0]->data), arg_buffer(n->work[HIDDEN]->data),
                   arg_buffer(saves ? n->saved[BEFORE]->data : NULL), lengths(n), first_patch(n), arg_int(step),
                   arg_int(rows), arg_int(j.height * j.width), arg_int(j.state), arg_int(RECURRENCE_ROWS)));
    }
done:
    return rc;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* The dates from the last to the first: leaves the gradients of all gates, and the hidden state before each step. */
static int steps_back(node *n, device *d, const joint_conv *j)
{
    int rc = OK;
    kernel *k = NULL;
    team_form f;
    const int rows = joint_rows(j);
    buffer *dcell = n->work_back[D_CELL]->data, *dhidden = n->work_back[D_HIDDEN]->data;
    conv_call part = joint_state_gradient(j);
    part.x = n->work_back[D_STEP]->data;
    part.weight = n->work_back[STATE_WEIGHT_BACK]->data;
    part.packed = n->work_back[SCRATCH]->data;
    part.y = dhidden;
    TRY(buffer_copy(n->out[0]->gradient, 0, dcell, 0, tensor_count(n->out[0]) * sizeof(float)));
    TRY(buffer_fill(n->work_back[STATES]->data, 0, 0, tensor_count(n->out[0]) * sizeof(float)));
    TRY(recurrence_kernel(d, "conv_lstm", "lstm_step_backward", j->state, &f, &k));
    for (int step = j->steps - 1; step >= 0; step--) {
        const bool last = step == j->steps - 1;
        TRY(LAUNCH(k, team_groups(rows, RECURRENCE_ROWS), 1, 1, (size_t)f.lanes, step_cost(j, 70, 17),
                   arg_buffer(n->saved[GATES]->data), arg_buffer(n->saved[BEFORE]->data), arg_int(step * rows),
                   arg_buffer(dcell), arg_buffer(last ? NULL : dhidden), arg_buffer(n->work_back[D_GATES]->data),
                   arg_buffer(n->work_back[D_STEP]->data), arg_buffer(last ? NULL : n->work_back[STATES]->data),
                   lengths(n), first_patch(n), arg_int(step), arg_int(rows), arg_int(j->height * j->width),
                   arg_int(j->state), arg_int(RECURRENCE_ROWS)));
        part.packed_before = !last;
        if (step) TRY(conv_convolve(d, &part, j->exact, NULL));
    }
done:
    return rc;
}

static int input_gradient(node *n, device *d, const joint_conv *j)
{
    conv_call c = joint_input_gradient(j);
    c.x = n->work_back[D_GATES]->data;
    c.weight = n->work_back[INPUT_WEIGHT_BACK]->data;
    c.packed = n->work_back[SCRATCH]->data;
    c.y = n->in[X]->gradient;
    c.accumulate = n->accumulate[X];
    return c.y ? conv_convolve(d, &c, j->exact, NULL) : OK;
}

/* The parts' gradients lie where the parts did, which nothing reads any more. */
static int weight_gradient(node *n, device *d, const joint_conv *j)
{
    int rc = OK;
    const tensor *x = n->in[X];
    buffer *of_input = n->work_back[INPUT_WEIGHT_BACK]->data, *of_state = n->work_back[STATE_WEIGHT_BACK]->data;
    conv_weight_call input = joint_input_weights(j), state = joint_state_weights(j);
    input.x = x->data;
    input.pending = pending_options(x);
    input.scale_shift = pending_scale_shift(x);
    input.scale_stride = pending_stride(x);
    input.dbias = n->in[BIAS]->gradient;
    input.accumulate_bias = n->accumulate[BIAS];
    input.dweight = of_input;
    state.x = n->work_back[STATES]->data;
    state.dweight = of_state;
    input.dy = state.dy = n->work_back[D_GATES]->data;
    input.partial = state.partial = n->work_back[SCRATCH]->data;
    TRY(conv_weight_gradient(d, &input));
    if (!n->in[WEIGHT]->gradient) return OK;
    TRY(conv_weight_gradient(d, &state));
    TRY(joint_merge(d, j, of_input, of_state, n->in[WEIGHT]->gradient, n->accumulate[WEIGHT]));
done:
    return rc;
}

static int conv_lstm_backward(node *n, const run *r)
{
    int rc = OK;
    const joint_conv j = sizes_of(n);
    TRY(joint_split(r->device, &j, n->in[WEIGHT]->data, n->work_back[INPUT_WEIGHT_BACK]->data,
                    n->work_back[STATE_WEIGHT_BACK]->data));
    TRY(steps_back(n, r->device, &j));
    TRY(input_gradient(n, r->device, &j));
    TRY(weight_gradient(n, r->device, &j));
done:
    return rc;
}

static const op_def conv_lstm_def = {"conv_lstm", conv_lstm_shape, conv_lstm_forward, conv_lstm_backward, NULL};

tensor *conv_lstm(net *n, tensor *x, tensor *offsets, tensor *weight, tensor *bias, recurrence_options options)
{
    tensor *const in[INPUTS] = {x, offsets, weight, bias};
    node *added = net_record(n, &conv_lstm_def, in, INPUTS, INPUTS, &options, sizeof options);
    return added ? added->out[0] : NULL;
}
