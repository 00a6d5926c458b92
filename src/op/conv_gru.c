/* A convolutional GRU over series of images (Ballas et al. 2016), as published with PASTIS; see image.h.
 *
 *   z, r = sigmoid of the convolution of [x, h];  n = tanh of the convolution of [x, r h];  h' = (1 - z) h + z n
 *
 * Forward: the x part of each convolution is one launch for all dates; a date then is the gates' h part, a kernel, the h
 * part of n, a kernel. Backward goes the dates back; then, over all dates at once, the gradients of the weights' parts and
 * of x. Saved: z, r, n and h before each step; r h is made again.
 * Launches: 4 + 4 a date forward (and the packing of weights), 4 a date + about 16 backward. */
#include "base/error.h"
#include "op/recurrence.h"

enum { X, OFFSETS, GATES_WEIGHT, GATES_BIAS, FRESH_WEIGHT, FRESH_BIAS, INPUTS };
enum { OF_GATES, OF_FRESH, CONVOLUTIONS };
enum { GATES, FRESH, BEFORE }; /* saved; the first two are work where nothing is saved */
enum { STATE, OPENED, HIDDEN, WORK_PARTS, OWN = WORK_PARTS + CONVOLUTIONS * JOINT_PARTS }; /* work */
enum { D_GATES, D_FRESH, D_STEP, D_HIDDEN, D_OPENED, ALL_OPENED, BACK_PARTS };             /* in backward */
enum { GATES_OF = 2 };

static joint_conv sizes_of(const node *n, int which)
{
    return which == OF_GATES ? joint_of(n, X, OFFSETS, GATES_WEIGHT, n->attributes, GATES_OF)
                             : joint_of(n, X, OFFSETS, FRESH_WEIGHT, n->attributes, 1);
}

/* ---- shape ------------------------------------------------------------------------------------------------------- */

static int parts_declare(node *n, bool back)
{
    int rc = OK;
    for (int i = 0; i < CONVOLUTIONS; i++) {
        const joint_conv j = sizes_of(n, i);
        TRY(joint_parts_declare(n, &j, back));
    }
done:
    return rc;
}

static int backward_declare(node *n, const joint_conv *j)
{
    int rc = OK;
    const int frames = joint_frames(j);
    for (int i = 0; i < INPUTS; i++) node_keep_input(n, i);
    TRY(node_save(n, ELEMENT_FLOAT, joint_shape(j, frames, GATES_OF)));
    TRY(node_save(n, ELEMENT_FLOAT, joint_shape(j, frames, 1)));
    TRY(node_save(n, ELEMENT_FLOAT, joint_shape(j, frames, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, frames, GATES_OF)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, frames, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, j->patches, GATES_OF)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, j->patches, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, j->patches, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, joint_shape(j, frames, 1)));
    TRY(parts_declare(n, true));
done:
    return rc;
}

static int conv_gru_shape(node *n)
{
    int rc = OK;
    TRY(joint_wanted(n, X, OFFSETS, GATES_WEIGHT, n->attributes, GATES_OF));
    TRY(joint_wanted(n, X, OFFSETS, FRESH_WEIGHT, n->attributes, 1));
    const joint_conv j = sizes_of(n, OF_GATES), fresh = sizes_of(n, OF_FRESH);
    if (fresh.channels != j.channels)
        return node_refuse(n, FRESH_WEIGHT, "is for a state of %d channels, the gates' for %d", fresh.channels,
                           j.channels);
    TRY(joint_fits(node_device(n), &j));
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(j.patches, j.height, j.width, j.channels)));
    TRY(node_work(n, ELEMENT_FLOAT, joint_shape(&j, j.patches, GATES_OF)));
    TRY(node_work(n, ELEMENT_FLOAT, joint_shape(&j, j.patches, 1)));
    TRY(node_work(n, ELEMENT_FLOAT, joint_shape(&j, j.patches, 1)));
    TRY(parts_declare(n, false));
    for (int i = GATES; !n->training && i <= FRESH; i++)
        TRY(node_work(n, ELEMENT_FLOAT, joint_shape(&j, joint_frames(&j), i == GATES ? GATES_OF : 1)));
    TRY(backward_declare(n, &j));
done:
    return rc;
}

/* ---- what both passes need --------------------------------------------------------------------------------------- */

static int split(const node *n, device *d, tensor *const *scratch, joint_parts p[CONVOLUTIONS])
{
    int rc = OK;
    for (int i = 0; i < CONVOLUTIONS; i++)
        TRY(joint_split(n, d, sizes_of(n, i), i == OF_GATES ? GATES_WEIGHT : FRESH_WEIGHT, scratch + i * JOINT_PARTS,
                        &p[i]));
done:
    return rc;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static int step_forward(node *n, device *d, const joint_parts p[CONVOLUTIONS], buffer *gates, buffer *fresh, int step)
{
    int rc = OK;
    kernel *open, *close;
    team_form f;
    const joint_conv *j = &p[OF_GATES].of;
    const int rows = joint_rows(j);
    const size_t groups = team_groups(rows, RECURRENCE_ROWS);
    buffer *hidden = n->work[HIDDEN]->data, *state = n->work[STATE]->data, *opened = n->work[OPENED]->data;
    TRY(recurrence_kernel(d, "conv_gru", "gru_open", j->state, &f, &open));
    TRY(recurrence_kernel(d, "conv_gru", "gru_close", j->state, &f, &close));
    if (step) TRY(joint_state(d, &p[OF_GATES], hidden, state, step > 1));
    TRY(LAUNCH(open, groups, 1, 1, (size_t)f.lanes, joint_step_cost(j, 45, 8), arg_buffer(gates), arg_int(step * rows),
               arg_buffer(step ? state : NULL), arg_buffer(hidden), arg_buffer(opened), arg_int(rows),
               arg_int(j->state), arg_int(RECURRENCE_ROWS)));
    if (step) TRY(joint_state(d, &p[OF_FRESH], opened, state, step > 1));
    TRY(LAUNCH(close, groups, 1, 1, (size_t)f.lanes, joint_step_cost(j, 35, n->training ? 7 : 5), arg_buffer(gates),
               arg_buffer(fresh), arg_int(step * rows), arg_buffer(step ? state : NULL), arg_buffer(hidden),
               arg_buffer(n->training ? n->saved[BEFORE]->data : NULL), recurrence_lengths(n, OFFSETS),
               recurrence_first(n), arg_int(step), arg_int(rows), arg_int(j->height * j->width), arg_int(j->state),
               arg_int(RECURRENCE_ROWS)));
done:
    return rc;
}

static int conv_gru_forward(node *n, const run *r)
{
    int rc = OK;
    joint_parts p[CONVOLUTIONS];
    tensor *const *own = n->training ? n->saved : n->work + OWN;
    buffer *gates = own[GATES]->data, *fresh = own[FRESH]->data, *hidden = n->work[HIDDEN]->data;
    TRY(split(n, r->device, n->work + WORK_PARTS, p));
    TRY(joint_input(n, r->device, &p[OF_GATES], X, gates));
    TRY(joint_input(n, r->device, &p[OF_FRESH], X, fresh));
    TRY(buffer_fill(hidden, 0, 0, tensor_count(n->work[HIDDEN]) * sizeof(float)));
    for (int step = 0; step < p[OF_GATES].of.steps; step++) TRY(step_forward(n, r->device, p, gates, fresh, step));
    TRY(joint_uncarry(r->device, &p[OF_GATES].of, hidden, n->out[0]->data));
done:
    return rc;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

static int step_backward(node *n, device *d, const joint_parts p[CONVOLUTIONS], int step)
{
    int rc = OK;
    kernel *open, *close;
    team_form f;
    const joint_conv *j = &p[OF_GATES].of;
    const int rows = joint_rows(j);
    const bool packed = step < j->steps - 1;
    const size_t groups = team_groups(rows, RECURRENCE_ROWS);
    buffer *gates = n->saved[GATES]->data, *before = n->saved[BEFORE]->data, *dgates = n->work_back[D_GATES]->data;
    buffer *dstep = n->work_back[D_STEP]->data, *dhidden = n->work_back[D_HIDDEN]->data;
    buffer *dopened = n->work_back[D_OPENED]->data;
    TRY(recurrence_kernel(d, "conv_gru", "gru_open_backward", j->state, &f, &open));
    TRY(recurrence_kernel(d, "conv_gru", "gru_close_backward", j->state, &f, &close));
    TRY(LAUNCH(close, groups, 1, 1, (size_t)f.lanes, joint_step_cost(j, 12, 8), arg_buffer(gates),
               arg_buffer(n->saved[FRESH]->data), arg_buffer(before), arg_int(step * rows), arg_buffer(dhidden),
               arg_buffer(dgates), arg_buffer(n->work_back[D_FRESH]->data), arg_buffer(dstep),
               recurrence_lengths(n, OFFSETS), recurrence_first(n), arg_int(step), arg_int(rows),
               arg_int(j->height * j->width), arg_int(j->state), arg_int(RECURRENCE_ROWS)));
    if (step) TRY(joint_state_gradient(d, &p[OF_FRESH], dstep, dopened, false, packed));
    TRY(LAUNCH(open, groups, 1, 1, (size_t)f.lanes, joint_step_cost(j, 8, 10), arg_buffer(gates), arg_buffer(before),
               arg_int(step * rows), arg_buffer(step ? dopened : NULL), arg_buffer(dhidden), arg_buffer(dgates),
               arg_buffer(dstep), arg_buffer(n->work_back[ALL_OPENED]->data), arg_int(rows), arg_int(j->state),
               arg_int(RECURRENCE_ROWS)));
    if (step) TRY(joint_state_gradient(d, &p[OF_GATES], dstep, dhidden, true, packed));
done:
    return rc;
}

static int conv_gru_backward(node *n, const run *r)
{
    int rc = OK;
    device *d = r->device;
    joint_parts p[CONVOLUTIONS];
    buffer *dgates = n->work_back[D_GATES]->data, *dfresh = n->work_back[D_FRESH]->data;
    TRY(split(n, d, n->work_back + BACK_PARTS, p));
    TRY(joint_carry(d, &p[OF_GATES].of, n->out[0]->gradient, n->work_back[D_HIDDEN]->data));
    for (int step = p[OF_GATES].of.steps - 1; step >= 0; step--) TRY(step_backward(n, d, p, step));
    TRY(joint_input_gradient(n, d, &p[OF_GATES], X, dgates, n->accumulate[X]));
    TRY(joint_input_gradient(n, d, &p[OF_FRESH], X, dfresh, true));
    TRY(joint_weight_gradient(n, d, &p[OF_GATES], X, GATES_WEIGHT, dgates, n->saved[BEFORE]->data));
    TRY(joint_weight_gradient(n, d, &p[OF_FRESH], X, FRESH_WEIGHT, dfresh, n->work_back[ALL_OPENED]->data));
done:
    return rc;
}

static const op_def conv_gru_def = {"conv_gru", conv_gru_shape, conv_gru_forward, conv_gru_backward, NULL};

tensor *conv_gru(net *n, tensor *x, tensor *offsets, conv_gru_weights weights, recurrence_options options)
{
    tensor *const in[INPUTS] = {
        x, offsets, weights.gates_weight, weights.gates_bias, weights.fresh_weight, weights.fresh_bias};
    node *added = net_record(n, &conv_gru_def, in, INPUTS, INPUTS, &options, sizeof options);
    return added ? added->out[0] : NULL;
}
