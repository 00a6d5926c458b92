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
enum { GATES, FRESH, BEFORE }; /* saved; the first two are work where nothing is saved */
enum { STATE, OPENED, WORK_PARTS, WORK_OWN = WORK_PARTS + 6 };                 /* work */
enum { D_GATES, D_FRESH, D_STEP, D_HIDDEN, D_OPENED, ALL_OPENED, BACK_PARTS }; /* in backward */
enum { GATES_OF = 2 };
enum { OF_GATES, OF_FRESH, CONVOLUTIONS };
enum { INPUT_WEIGHT, STATE_WEIGHT, PACKED, PARTS }; /* of each convolution */

/* The two convolutions' weights as their calls take them, PARTS buffers each. */
typedef struct parts {
    joint_conv of;
    buffer *buffer[PARTS];
} parts;

static joint_conv sizes_of(const node *n, int which)
{
    return joint_of(n, X, OFFSETS, which == OF_GATES ? GATES_WEIGHT : FRESH_WEIGHT, n->attributes);
}

static shape state_shape(const joint_conv *j, int frames, int gates)
{
    return SHAPE(frames, j->height, j->width, gates * j->state);
}

/* ---- shape ------------------------------------------------------------------------------------------------------- */

static int parts_declare(node *n, int (*declare)(node *n, enum element e, shape s), bool back)
{
    int rc = OK;
    const device *d = node_device(n);
    for (int i = 0; i < CONVOLUTIONS; i++) {
        const joint_conv j = sizes_of(n, i);
        TRY(joint_scratch(n, declare, joint_input_floats(&j)));
        TRY(joint_scratch(n, declare, joint_state_floats(&j)));
        TRY(joint_scratch(n, declare, back ? joint_packed_back(d, &j) : joint_packed(d, &j)));
    }
done:
    return rc;
}

static int backward_declare(node *n, const joint_conv *j)
{
    int rc = OK;
    const int frames = joint_frames(j);
    for (int i = 0; i < INPUTS; i++)
        if (i != GATES_BIAS && i != FRESH_BIAS) node_keep_input(n, i);
    TRY(node_save(n, ELEMENT_FLOAT, state_shape(j, frames, GATES_OF)));
    TRY(node_save(n, ELEMENT_FLOAT, state_shape(j, frames, 1)));
    TRY(node_save(n, ELEMENT_FLOAT, state_shape(j, frames, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, frames, GATES_OF)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, frames, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, j->patches, GATES_OF)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, j->patches, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, j->patches, 1)));
    TRY(node_work_back(n, ELEMENT_FLOAT, state_shape(j, frames, 1)));
    TRY(parts_declare(n, node_work_back, true));
done:
    return rc;
}

static int conv_gru_shape(node *n)
{
    int rc = OK;
    const recurrence_options *o = n->attributes;
    TRY(joint_wanted(n, X, OFFSETS, GATES_WEIGHT, o, GATES_OF));
    TRY(joint_wanted(n, X, OFFSETS, FRESH_WEIGHT, o, 1));
    const joint_conv j = sizes_of(n, OF_GATES), fresh = sizes_of(n, OF_FRESH);
    if (fresh.state != j.state)
        return node_refuse(n, FRESH_WEIGHT, "is for a state of %d channels, the gates' for %d", fresh.state, j.state);
    TRY(joint_fits(node_device(n), &j));
    TRY(node_output(n, ELEMENT_FLOAT, state_shape(&j, j.patches, 1)));
    TRY(node_work(n, ELEMENT_FLOAT, state_shape(&j, j.patches, GATES_OF)));
    TRY(node_work(n, ELEMENT_FLOAT, state_shape(&j, j.patches, 1)));
    TRY(parts_declare(n, node_work, false));
    for (int i = GATES; !n->training && i <= FRESH; i++)
        TRY(node_work(n, ELEMENT_FLOAT, state_shape(&j, joint_frames(&j), i == GATES ? GATES_OF : 1)));
    TRY(backward_declare(n, &j));
done:
    return rc;
}

/* ---- what both passes need --------------------------------------------------------------------------------------- */

static int parts_split(node *n, device *d, tensor *const *scratch, parts out[CONVOLUTIONS])
{
    int rc = OK;
    for (int i = 0; i < CONVOLUTIONS; i++) {
        parts *p = &out[i];
        p->of = sizes_of(n, i);
        for (int k = 0; k < PARTS; k++) p->buffer[k] = scratch[i * PARTS + k]->data;
        TRY(joint_split(d, &p->of, n->in[i == OF_GATES ? GATES_WEIGHT : FRESH_WEIGHT]->data, p->buffer[INPUT_WEIGHT],
                        p->buffer[STATE_WEIGHT]));
    }
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

/* A date's convolution of x (or back): y (+)=. */
static int state_part(device *d, const parts *p, conv_call c, buffer *x, buffer *y, bool accumulate, bool packed)
{
    c.x = x;
    c.y = y;
    c.weight = p->buffer[STATE_WEIGHT];
    c.packed = p->buffer[PACKED];
    c.packed_before = packed;
    c.accumulate = accumulate;
    return conv_convolve(d, &c, p->of.exact, NULL);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static int input_part(node *n, device *d, const parts *p, buffer *bias, buffer *y)
{
    const tensor *x = n->in[X];
    conv_call c = joint_input(&p->of);
    c.x = x->data;
    c.pending = pending_options(x);
    c.scale_shift = pending_scale_shift(x);
    c.scale_stride = pending_stride(x);
    c.weight = p->buffer[INPUT_WEIGHT];
    c.bias = bias;
    c.packed = p->buffer[PACKED];
    c.y = y;
    return conv_convolve(d, &c, p->of.exact, NULL);
}

static int step_forward(node *n, device *d, const parts p[CONVOLUTIONS], buffer *gates, buffer *fresh, int step)
{
    int rc = OK;
    kernel *open, *close;
    team_form f;
    const joint_conv *j = &p[OF_GATES].of;
    const int rows = joint_rows(j);
    const size_t groups = team_groups(rows, RECURRENCE_ROWS);
    buffer *hidden = n->out[0]->data, *state = n->work[STATE]->data, *opened = n->work[OPENED]->data;
    TRY(recurrence_kernel(d, "conv_gru", "gru_open", j->state, &f, &open));
    TRY(recurrence_kernel(d, "conv_gru", "gru_close", j->state, &f, &close));
    if (step) TRY(state_part(d, &p[OF_GATES], joint_state(j), hidden, state, false, step > 1));
    TRY(LAUNCH(open, groups, 1, 1, (size_t)f.lanes, step_cost(j, 45, 8), arg_buffer(gates), arg_int(step * rows),
               arg_buffer(step ? state : NULL), arg_buffer(hidden), arg_buffer(opened), arg_int(rows),
               arg_int(j->state), arg_int(RECURRENCE_ROWS)));
    if (step) TRY(state_part(d, &p[OF_FRESH], joint_state(&p[OF_FRESH].of), opened, state, false, step > 1));
    TRY(LAUNCH(close, groups, 1, 1, (size_t)f.lanes, step_cost(j, 35, n->training ? 7 : 5), arg_buffer(gates),
               arg_buffer(fresh), arg_int(step * rows), arg_buffer(step ? state : NULL), arg_buffer(hidden),
               arg_buffer(n->training ? n->saved[BEFORE]->data : NULL), lengths(n), first_patch(n), arg_int(step),
               arg_int(rows), arg_int(j->height * j->width), arg_int(j->state), arg_int(RECURRENCE_ROWS)));
done:
    return rc;
}

static int conv_gru_forward(node *n, const run *r)
{
    int rc = OK;
    parts p[CONVOLUTIONS];
    tensor *const *own = n->training ? n->saved : n->work + WORK_OWN;
    buffer *gates = own[GATES]->data, *fresh = own[FRESH]->data;
    TRY(parts_split(n, r->device, n->work + WORK_PARTS, p));
    TRY(input_part(n, r->device, &p[OF_GATES], n->in[GATES_BIAS]->data, gates));
    TRY(input_part(n, r->device, &p[OF_FRESH], n->in[FRESH_BIAS]->data, fresh));
    TRY(buffer_fill(n->out[0]->data, 0, 0, tensor_count(n->out[0]) * sizeof(float)));
    for (int step = 0; step < p[OF_GATES].of.steps; step++) TRY(step_forward(n, r->device, p, gates, fresh, step));
done:
    return rc;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

static int step_backward(node *n, device *d, const parts p[CONVOLUTIONS], int step)
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
    TRY(LAUNCH(close, groups, 1, 1, (size_t)f.lanes, step_cost(j, 12, 8), arg_buffer(gates),
               arg_buffer(n->saved[FRESH]->data), arg_buffer(before), arg_int(step * rows), arg_buffer(dhidden),
               arg_buffer(dgates), arg_buffer(n->work_back[D_FRESH]->data), arg_buffer(dstep), lengths(n),
               first_patch(n), arg_int(step), arg_int(rows), arg_int(j->height * j->width), arg_int(j->state),
               arg_int(RECURRENCE_ROWS)));
    if (step) TRY(state_part(d, &p[OF_FRESH], joint_state_gradient(&p[OF_FRESH].of), dstep, dopened, false, packed));
    TRY(LAUNCH(open, groups, 1, 1, (size_t)f.lanes, step_cost(j, 8, 10), arg_buffer(gates), arg_buffer(before),
               arg_int(step * rows), arg_buffer(step ? dopened : NULL), arg_buffer(dhidden), arg_buffer(dgates),
               arg_buffer(dstep), arg_buffer(n->work_back[ALL_OPENED]->data), arg_int(rows), arg_int(j->state),
               arg_int(RECURRENCE_ROWS)));
    if (step) TRY(state_part(d, &p[OF_GATES], joint_state_gradient(j), dstep, dhidden, true, packed));
done:
    return rc;
}

static int input_gradient(node *n, device *d, const parts *p, buffer *dy, bool accumulate)
{
    conv_call c = joint_input_gradient(&p->of);
    c.x = dy;
    c.weight = p->buffer[INPUT_WEIGHT];
    c.packed = p->buffer[PACKED];
    c.y = n->in[X]->gradient;
    c.accumulate = accumulate;
    return c.y ? conv_convolve(d, &c, p->of.exact, NULL) : OK;
}

/* The parts' gradients lie where the parts did, which nothing reads any more. states: what the state's part convolved. */
static int weight_gradient(node *n, device *d, const parts *p, buffer *dy, buffer *states, int weight)
{
    int rc = OK;
    const tensor *x = n->in[X];
    conv_weight_call input = joint_input_weights(&p->of), state = joint_state_weights(&p->of);
    input.x = x->data;
    input.pending = pending_options(x);
    input.scale_shift = pending_scale_shift(x);
    input.scale_stride = pending_stride(x);
    input.dbias = n->in[weight + 1]->gradient;
    input.accumulate_bias = n->accumulate[weight + 1];
    input.dweight = p->buffer[INPUT_WEIGHT];
    state.x = states;
    state.dweight = p->buffer[STATE_WEIGHT];
    input.dy = state.dy = dy;
    input.partial = state.partial = p->buffer[PACKED];
    TRY(conv_weight_gradient(d, &input));
    if (!n->in[weight]->gradient) return OK;
    TRY(conv_weight_gradient(d, &state));
    TRY(joint_merge(d, &p->of, p->buffer[INPUT_WEIGHT], p->buffer[STATE_WEIGHT], n->in[weight]->gradient,
                    n->accumulate[weight]));
done:
    return rc;
}

static int conv_gru_backward(node *n, const run *r)
{
    int rc = OK;
    device *d = r->device;
    parts p[CONVOLUTIONS];
    buffer *dgates = n->work_back[D_GATES]->data, *dfresh = n->work_back[D_FRESH]->data;
    TRY(parts_split(n, d, n->work_back + BACK_PARTS, p));
    TRY(buffer_copy(n->out[0]->gradient, 0, n->work_back[D_HIDDEN]->data, 0, tensor_count(n->out[0]) * sizeof(float)));
    for (int step = p[OF_GATES].of.steps - 1; step >= 0; step--) TRY(step_backward(n, d, p, step));
    TRY(input_gradient(n, d, &p[OF_GATES], dgates, n->accumulate[X]));
    TRY(input_gradient(n, d, &p[OF_FRESH], dfresh, true));
    TRY(weight_gradient(n, d, &p[OF_GATES], dgates, n->saved[BEFORE]->data, GATES_WEIGHT));
    TRY(weight_gradient(n, d, &p[OF_FRESH], dfresh, n->work_back[ALL_OPENED]->data, FRESH_WEIGHT));
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
