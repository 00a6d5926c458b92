#include "op/recurrence.h"

#include "base/error.h"
#include "op/columns.h"

/* ---- calls ------------------------------------------------------------------------------------------------------- */

int joint_frames(const joint_conv *j)
{
    return j->steps * j->patches;
}

int joint_rows(const joint_conv *j)
{
    return j->patches * j->height * j->width;
}

/* A convolution that keeps the size. */
static conv_call call_of(const joint_conv *j, int frames, int inputs, int outputs, enum conv_weights weights)
{
    return (conv_call){.frames = frames,
                       .height = j->height,
                       .width = j->width,
                       .inputs = inputs,
                       .out_height = j->height,
                       .out_width = j->width,
                       .outputs = outputs,
                       .kernel = j->kernel,
                       .stride = 1,
                       .dilation = 1,
                       .padding = j->kernel / 2,
                       .mode = PADDING_ZEROS,
                       .weights = weights,
                       .pending = "",
                       .exact = j->exact};
}

static conv_call input_call(const joint_conv *j)
{
    return call_of(j, joint_frames(j), j->inputs, j->outputs, CONV_WEIGHTS);
}

static conv_call state_call(const joint_conv *j)
{
    return call_of(j, j->patches, j->state, j->outputs, CONV_WEIGHTS);
}

static conv_call input_gradient_call(const joint_conv *j)
{
    return call_of(j, joint_frames(j), j->outputs, j->inputs, CONV_WEIGHTS_TRANSPOSED);
}

static conv_call state_gradient_call(const joint_conv *j)
{
    return call_of(j, j->patches, j->outputs, j->state, CONV_WEIGHTS_TRANSPOSED);
}

static conv_weight_call weights_of(const joint_conv *j, int inputs)
{
    return (conv_weight_call){.frames = joint_frames(j),
                              .height = j->height,
                              .width = j->width,
                              .inputs = inputs,
                              .out_height = j->height,
                              .out_width = j->width,
                              .outputs = j->outputs,
                              .kernel = j->kernel,
                              .stride = 1,
                              .padding = j->kernel / 2,
                              .mode = PADDING_ZEROS,
                              .pending = "",
                              .exact = j->exact};
}

static conv_weight_call input_weights(const joint_conv *j)
{
    return weights_of(j, j->inputs);
}

static conv_weight_call state_weights(const joint_conv *j)
{
    return weights_of(j, j->state);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t taps(const joint_conv *j)
{
    return (size_t)(j->kernel * j->kernel);
}

static size_t input_floats(const joint_conv *j)
{
    return (size_t)j->outputs * (size_t)j->inputs * taps(j);
}

static size_t state_floats(const joint_conv *j)
{
    return (size_t)j->outputs * (size_t)j->state * taps(j);
}

static size_t packed_floats(const device *d, const joint_conv *j)
{
    const conv_call input = input_call(j), state = state_call(j);
    return larger(conv_packed(d, &input, j->exact), conv_packed(d, &state, j->exact));
}

static size_t scratch_back(const device *d, const joint_conv *j)
{
    const conv_call input = input_gradient_call(j), state = state_gradient_call(j);
    const conv_weight_call of_input = input_weights(j), of_state = state_weights(j);
    const size_t packed = larger(conv_packed(d, &input, j->exact), conv_packed(d, &state, j->exact));
    return larger(packed, larger(conv_weight_partial(d, &of_input), conv_weight_partial(d, &of_state)));
}

int joint_fits(const device *d, const joint_conv *j)
{
    const conv_call calls[] = {input_call(j), state_call(j), input_gradient_call(j), state_gradient_call(j)};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (!conv_direct_parts(d, &calls[i])) return FAILED;
    return OK;
}

/* ---- the weight's parts ------------------------------------------------------------------------------------------ */

static int scratch(node *n, bool back, size_t floats)
{
    enum { LINE = 64 };
    const shape s = SHAPE((int)((floats + LINE - 1) / LINE), LINE);
    return back ? node_work_back(n, ELEMENT_FLOAT, s) : node_work(n, ELEMENT_FLOAT, s);
}

int joint_parts_declare(node *n, const joint_conv *j, bool back)
{
    int rc = OK;
    const device *d = node_device(n);
    TRY(scratch(n, back, input_floats(j)));
    TRY(scratch(n, back, state_floats(j)));
    TRY(scratch(n, back, (size_t)j->outputs));
    TRY(scratch(n, back, back ? scratch_back(d, j) : packed_floats(d, j)));
done:
    return rc;
}

/* One gate's lines, the weight's own and those of a part: taps of all inputs, then of the state's channels. */
static columns own_lines(const joint_conv *j, buffer *weight, bool state, int gate)
{
    const int k = j->kernel * j->kernel, line = (j->inputs + j->channels) * k;
    return (columns){weight, line, gate * j->channels * line + (state ? j->inputs * k : 0)};
}

static columns part_lines(const joint_conv *j, buffer *part, bool state, int gate)
{
    const int line = (state ? j->state : j->inputs) * j->kernel * j->kernel;
    return (columns){part, line, gate * j->state * line};
}

static int line_taps(const joint_conv *j, bool state)
{
    return (state ? j->channels : j->inputs) * j->kernel * j->kernel;
}

static bool is_carried(const joint_conv *j)
{
    return j->state != j->channels;
}

static int parts_clear(const joint_parts *p)
{
    int rc = OK;
    TRY(buffer_fill(p->input, 0, 0, input_floats(&p->of) * sizeof(float)));
    TRY(buffer_fill(p->state, 0, 0, state_floats(&p->of) * sizeof(float)));
    TRY(buffer_fill(p->bias, 0, 0, (size_t)p->of.outputs * sizeof(float)));
done:
    return rc;
}

int joint_split(const node *n, device *d, joint_conv j, int weight, tensor *const *scratch_of, joint_parts *out)
{
    int rc = OK;
    const joint_parts p = {j, scratch_of[0]->data, scratch_of[1]->data, scratch_of[2]->data, scratch_of[3]->data};
    *out = p;
    if (is_carried(&j)) TRY(parts_clear(&p));
    for (int g = 0; g < j.gates; g++) {
        for (int s = 0; s < 2; s++)
            TRY(columns_copy(d, own_lines(&j, n->in[weight]->data, s, g), part_lines(&j, s ? p.state : p.input, s, g),
                             j.channels, line_taps(&j, s), false));
        TRY(columns_copy(d, (columns){n->in[weight + 1]->data, 0, g * j.channels}, (columns){p.bias, 0, g * j.state}, 1,
                         j.channels, false));
    }
done:
    return rc;
}

/* The parts' gradients, which lie where the parts did, (+)-> those of in[weight] and its bias. */
static int merge(const node *n, device *d, const joint_parts *p, int weight)
{
    int rc = OK;
    const joint_conv *j = &p->of;
    buffer *dweight = n->in[weight]->gradient, *dbias = n->in[weight + 1]->gradient;
    for (int g = 0; g < j->gates; g++) {
        for (int s = 0; s < 2 && dweight; s++)
            TRY(columns_copy(d, part_lines(j, s ? p->state : p->input, s, g), own_lines(j, dweight, s, g), j->channels,
                             line_taps(j, s), n->accumulate[weight]));
        if (dbias)
            TRY(columns_copy(d, (columns){p->bias, 0, g * j->state}, (columns){dbias, 0, g * j->channels}, 1,
                             j->channels, n->accumulate[weight + 1]));
    }
done:
    return rc;
}

/* ---- launches ---------------------------------------------------------------------------------------------------- */

int joint_input(const node *n, device *d, const joint_parts *p, int x, buffer *y)
{
    const tensor *t = n->in[x];
    conv_call c = input_call(&p->of);
    c.x = t->data;
    c.pending = pending_options(t);
    c.scale_shift = pending_scale_shift(t);
    c.scale_stride = pending_stride(t);
    c.weight = p->input;
    c.bias = p->bias;
    c.packed = p->scratch;
    c.y = y;
    return conv_convolve(d, &c, p->of.exact, NULL);
}

static int state_run(device *d, const joint_parts *p, conv_call c, buffer *x, buffer *y, bool accumulate, bool again)
{
    c.x = x;
    c.y = y;
    c.weight = p->state;
    c.packed = p->scratch;
    c.packed_before = again;
    c.accumulate = accumulate;
    return conv_convolve(d, &c, p->of.exact, NULL);
}

int joint_state(device *d, const joint_parts *p, buffer *h, buffer *y, bool again)
{
    return state_run(d, p, state_call(&p->of), h, y, false, again);
}

int joint_state_gradient(device *d, const joint_parts *p, buffer *dy, buffer *dh, bool accumulate, bool again)
{
    return state_run(d, p, state_gradient_call(&p->of), dy, dh, accumulate, again);
}

int joint_input_gradient(const node *n, device *d, const joint_parts *p, int x, buffer *dy, bool accumulate)
{
    conv_call c = input_gradient_call(&p->of);
    c.x = dy;
    c.weight = p->input;
    c.packed = p->scratch;
    c.y = n->in[x]->gradient;
    c.accumulate = accumulate;
    return c.y ? conv_convolve(d, &c, p->of.exact, NULL) : OK;
}

int joint_weight_gradient(const node *n, device *d, const joint_parts *p, int x, int weight, buffer *dy, buffer *states)
{
    int rc = OK;
    const tensor *t = n->in[x];
    conv_weight_call input = input_weights(&p->of), state = state_weights(&p->of);
    input.x = t->data;
    input.pending = pending_options(t);
    input.scale_shift = pending_scale_shift(t);
    input.scale_stride = pending_stride(t);
    input.dbias = p->bias;
    input.dweight = p->input;
    state.x = states;
    state.dweight = p->state;
    input.dy = state.dy = dy;
    input.partial = state.partial = p->scratch;
    TRY(conv_weight_gradient(d, &input));
    if (n->in[weight]->gradient) TRY(conv_weight_gradient(d, &state));
    TRY(merge(n, d, p, weight));
done:
    return rc;
}

int joint_carry(device *d, const joint_conv *j, buffer *own, buffer *carried)
{
    int rc = OK;
    const size_t floats = (size_t)joint_rows(j) * (size_t)j->state;
    if (own == carried) return OK;
    if (!is_carried(j)) return buffer_copy(own, 0, carried, 0, floats * sizeof(float));
    TRY(buffer_fill(carried, 0, 0, floats * sizeof(float)));
    TRY(columns_copy(d, (columns){own, j->channels, 0}, (columns){carried, j->state, 0}, joint_rows(j), j->channels,
                     false));
done:
    return rc;
}

int joint_uncarry(device *d, const joint_conv *j, buffer *carried, buffer *own)
{
    if (own == carried) return OK;
    return columns_copy(d, (columns){carried, j->state, 0}, (columns){own, j->channels, 0}, joint_rows(j), j->channels,
                        false);
}

/* ---- for the nodes ----------------------------------------------------------------------------------------------- */

static int patches_of(const node *n, int offsets, const recurrence_options *o)
{
    return o->patches ? o->patches : sequence_count(n, offsets);
}

int joint_wanted(const node *n, int x, int offsets, int weight, const recurrence_options *o, int gates)
{
    int rc = OK;
    const int side = o->kernel;
    TRY(offsets_wanted(n, offsets));
    const tensor *series = n->in[x];
    const int patches = patches_of(n, offsets, o), all = sequence_count(n, offsets);
    if (o->first < 0 || patches > all || o->first > all - patches)
        return node_refuse(n, offsets, "has no %d patches from patch %d on", patches, o->first);
    if (series->element != ELEMENT_FLOAT || series->shape.rank != 4 || !tensor_count(series))
        return node_refuse(n, x, "is no image: wanted frames x height x width x channels");
    if (patches < 1 || series->shape.size[0] % patches)
        return node_refuse(n, x, "is no series in steps of %d patches", patches);
    if (side < 1 || side % 2 == 0) return node_refuse(n, x, "meets a kernel of %d, wanted an odd one", side);
    const shape *w = &n->in[weight]->shape;
    const int outputs = w->rank == 4 ? w->size[0] : 0, channels = outputs / gates;
    if (channels < 1 || outputs % gates)
        return node_refuse(n, weight, "does not fit: wanted %d C x (K + C) x %d x %d", gates, side, side);
    const shape wanted = SHAPE(outputs, tensor_channels(series) + channels, side, side);
    TRY(input_wanted(n, weight, ELEMENT_FLOAT, wanted, "taps of the input, then of the state"));
    TRY(input_wanted(n, weight + 1, ELEMENT_FLOAT, SHAPE(outputs), "as many as the weight has outputs"));
done:
    return rc;
}

/* Rounded up to whole vectors of the device's fast forms, where that is at most an eighth more. */
static int carried_channels(const device *d, int channels)
{
    enum { SHARE = 8 };
    const int vector = device_tiles(d) == TILE_GPU ? 4 : device_about(d)->vector_width >= 16 ? 16 : 8;
    const int up = (channels + vector - 1) / vector * vector;
    return (up - channels) * SHARE <= channels ? up : channels;
}

joint_conv joint_of(const node *n, int x, int offsets, int weight, const recurrence_options *o, int gates)
{
    const int *size = n->in[x]->shape.size, *w = n->in[weight]->shape.size;
    const int patches = patches_of(n, offsets, o), channels = w[1] - size[3],
              state = carried_channels(node_device(n), channels);
    return (joint_conv){.steps = size[0] / patches,
                        .patches = patches,
                        .height = size[1],
                        .width = size[2],
                        .inputs = size[3],
                        .channels = channels,
                        .gates = gates,
                        .state = state,
                        .outputs = gates * state,
                        .kernel = o->kernel,
                        .exact = o->exact};
}

shape joint_shape(const joint_conv *j, int frames, int each)
{
    return SHAPE(frames, j->height, j->width, each * j->state);
}

argument recurrence_lengths(const node *n, int offsets)
{
    const recurrence_options *o = n->attributes;
    return arg_buffer(o->skip ? n->in[offsets]->data : NULL);
}

argument recurrence_first(const node *n)
{
    return arg_int(((const recurrence_options *)n->attributes)->first);
}

cost joint_step_cost(const joint_conv *j, double flops, double values)
{
    const double channels = (double)joint_rows(j) * j->state;
    return (cost){flops * channels, sizeof(float) * values * channels};
}

/* Vectors that divide the channels, where there are such of 8 or more. */
int recurrence_kernel(device *d, const char *program, const char *name, int channels, team_form *f, kernel **out)
{
    enum { TEAM_OF = 16, LEAST = 8 };
    *f = team_form_of(d, TEAM_OF, channels);
    if (f->tail && f->width > LEAST && channels % LEAST == 0) {
        f->width = LEAST;
        f->tail = false;
    }
    return team_kernel(d, *f, program, "", name, out);
}
