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
enum { GATES, BEFORE };                                                         /* saved */
enum { HIDDEN, STATE, WORK_PARTS, CELL = WORK_PARTS + JOINT_PARTS, OWN_GATES }; /* work */
enum { D_GATES, D_STEP, D_CELL, D_HIDDEN, STATES, BACK_PARTS };                 /* in backward */
enum { GATES_OF = 4 };

static joint_conv sizes_of(const node *n)
{
    return joint_of(n, X, OFFSETS, WEIGHT, n->attributes, GATES_OF);
}

static int backward_declare(node *n, const joint_conv *j)
{
    int rc = OK;
    const int frames = joint_frames(j);
    node_keep_input(n, X);
    node_keep_input(n, WEIGHT);
    node_keep_input(n, BIAS);
    node_keep_input(n, OFFSETS);
    TRY(node_save(n, ELEMENT_FLOAT, joint_shape(j, frames, GATES_OF)));
    TRY(node_save(n, ELEMENT_FLOAT, joint_shape(j, frames, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, frames, GATES_OF)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, j->patches, GATES_OF)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, j->patches, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, j->patches, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, frames, 1)));
    TRY(joint_parts_declare(n, j, true));
done:
    return rc;
}

static int conv_lstm_shape(node *n)
{
    int rc = OK;
    TRY(joint_wanted(n, X, OFFSETS, WEIGHT, n->attributes, GATES_OF));
    const joint_conv j = sizes_of(n);
    TRY(joint_fits(node_device(n), &j));
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(j.patches, j.height, j.width, j.channels)));
    TRY(node_work(n, ELEMENT_FLOAT, joint_shape(&j, j.patches, 1)));
    TRY(node_work(n, ELEMENT_FLOAT, joint_shape(&j, j.patches, GATES_OF)));
    TRY(joint_parts_declare(n, &j, false));
    TRY(node_work(n, ELEMENT_FLOAT, joint_shape(&j, j.patches, 1)));
    if (!n->training) TRY(node_work(n, ELEMENT_FLOAT, joint_shape(&j, joint_frames(&j), GATES_OF)));
    TRY(backward_declare(n, &j));
done:
    return rc;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static int conv_lstm_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    team_form f;
    joint_parts p;
    const joint_conv j = sizes_of(n);
    const int rows = joint_rows(&j), saves = n->training;
    buffer *gates = saves ? n->saved[GATES]->data : n->work[OWN_GATES]->data, *state = n->work[STATE]->data;
    buffer *cell = n->work[CELL]->data, *hidden = n->work[HIDDEN]->data;
    TRY(joint_split(n, r->device, j, WEIGHT, n->work + WORK_PARTS, &p));
    TRY(joint_input(n, r->device, &p, X, gates));
    TRY(recurrence_kernel(r->device, "conv_lstm", "lstm_step", j.state, &f, &k));
    for (int step = 0; step < j.steps; step++) {
        if (step) TRY(joint_state(r->device, &p, hidden, state, step > 1));
        TRY(LAUNCH(k, team_groups(rows, RECURRENCE_ROWS), 1, 1, (size_t)f.lanes,
                   joint_step_cost(&j, 110, saves ? 16 : 11), arg_buffer(gates), arg_int(step * rows),
                   arg_buffer(step ? state : NULL), arg_buffer(cell), arg_buffer(hidden),
                   arg_buffer(saves ? n->saved[BEFORE]->data : NULL), recurrence_lengths(n, OFFSETS),
                   recurrence_first(n), arg_int(step), arg_int(rows), arg_int(j.height * j.width), arg_int(j.state),
                   arg_int(RECURRENCE_ROWS)));
    }
    TRY(joint_uncarry(r->device, &j, cell, n->out[0]->data));
done:
    return rc;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* The dates from the last to the first: leaves the gradients of all gates, and the hidden state before each step. */
static int steps_back(node *n, device *d, const joint_parts *p)
{
    int rc = OK;
    kernel *k = NULL;
    team_form f;
    const joint_conv *j = &p->of;
    const int rows = joint_rows(j);
    buffer *dcell = n->work_back[D_CELL]->data, *dhidden = n->work_back[D_HIDDEN]->data;
    buffer *dstep = n->work_back[D_STEP]->data, *states = n->work_back[STATES]->data;
    TRY(joint_carry(d, j, n->out[0]->gradient, dcell));
    TRY(buffer_fill(states, 0, 0, (size_t)rows * (size_t)j->state * sizeof(float)));
    TRY(recurrence_kernel(d, "conv_lstm", "lstm_step_backward", j->state, &f, &k));
    for (int step = j->steps - 1; step >= 0; step--) {
        const bool last = step == j->steps - 1;
        TRY(LAUNCH(k, team_groups(rows, RECURRENCE_ROWS), 1, 1, (size_t)f.lanes, joint_step_cost(j, 70, 17),
                   arg_buffer(n->saved[GATES]->data), arg_buffer(n->saved[BEFORE]->data), arg_int(step * rows),
                   arg_buffer(dcell), arg_buffer(last ? NULL : dhidden), arg_buffer(n->work_back[D_GATES]->data),
                   arg_buffer(dstep), arg_buffer(last ? NULL : states), recurrence_lengths(n, OFFSETS),
                   recurrence_first(n), arg_int(step), arg_int(rows), arg_int(j->height * j->width), arg_int(j->state),
                   arg_int(RECURRENCE_ROWS)));
        if (step) TRY(joint_state_gradient(d, p, dstep, dhidden, false, !last));
    }
done:
    return rc;
}

static int conv_lstm_backward(node *n, const run *r)
{
    int rc = OK;
    joint_parts p;
    buffer *dgates = n->work_back[D_GATES]->data;
    TRY(joint_split(n, r->device, sizes_of(n), WEIGHT, n->work_back + BACK_PARTS, &p));
    TRY(steps_back(n, r->device, &p));
    TRY(joint_input_gradient(n, r->device, &p, X, dgates, n->accumulate[X]));
    TRY(joint_weight_gradient(n, r->device, &p, X, WEIGHT, dgates, n->work_back[STATES]->data));
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
