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

conv_call joint_input(const joint_conv *j)
{
    return call_of(j, joint_frames(j), j->inputs, j->outputs, CONV_WEIGHTS);
}

conv_call joint_state(const joint_conv *j)
{
    return call_of(j, j->patches, j->state, j->outputs, CONV_WEIGHTS);
}

conv_call joint_input_gradient(const joint_conv *j)
{
    return call_of(j, joint_frames(j), j->outputs, j->inputs, CONV_WEIGHTS_TRANSPOSED);
}

conv_call joint_state_gradient(const joint_conv *j)
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

conv_weight_call joint_input_weights(const joint_conv *j)
{
    return weights_of(j, j->inputs);
}

conv_weight_call joint_state_weights(const joint_conv *j)
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

size_t joint_input_floats(const joint_conv *j)
{
    return (size_t)j->outputs * (size_t)j->inputs * taps(j);
}

size_t joint_state_floats(const joint_conv *j)
{
    return (size_t)j->outputs * (size_t)j->state * taps(j);
}

size_t joint_packed(const device *d, const joint_conv *j)
{
    const conv_call input = joint_input(j), state = joint_state(j);
    return larger(conv_packed(d, &input, j->exact), conv_packed(d, &state, j->exact));
}

size_t joint_packed_back(const device *d, const joint_conv *j)
{
    const conv_call input = joint_input_gradient(j), state = joint_state_gradient(j);
    const conv_weight_call input_weights = joint_input_weights(j), state_weights = joint_state_weights(j);
    const size_t packed = larger(conv_packed(d, &input, j->exact), conv_packed(d, &state, j->exact));
    return larger(packed, larger(conv_weight_partial(d, &input_weights), conv_weight_partial(d, &state_weights)));
}

int joint_fits(const device *d, const joint_conv *j)
{
    const conv_call calls[] = {joint_input(j), joint_state(j), joint_input_gradient(j), joint_state_gradient(j)};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (!conv_direct_parts(d, &calls[i])) return FAILED;
    return OK;
}

/* ---- the weight's parts ------------------------------------------------------------------------------------------ */

/* The weight's lines hold the taps of all inputs, then those of the state. */
static columns part_of(const joint_conv *j, buffer *weight, bool state)
{
    const int k = j->kernel * j->kernel;
    return (columns){weight, (j->inputs + j->state) * k, state ? j->inputs * k : 0};
}

static columns whole(const joint_conv *j, buffer *part, bool state)
{
    return (columns){part, (state ? j->state : j->inputs) * j->kernel * j->kernel, 0};
}

int joint_split(device *d, const joint_conv *j, buffer *weight, buffer *of_input, buffer *of_state)
{
    int rc = OK;
    for (int s = 0; s < 2; s++) {
        const columns to = whole(j, s ? of_state : of_input, s);
        TRY(columns_copy(d, part_of(j, weight, s), to, j->outputs, to.stride, false));
    }
done:
    return rc;
}

int joint_merge(device *d, const joint_conv *j, buffer *of_input, buffer *of_state, buffer *weight, bool accumulate)
{
    int rc = OK;
    for (int s = 0; s < 2; s++) {
        const columns from = whole(j, s ? of_state : of_input, s);
        TRY(columns_copy(d, from, part_of(j, weight, s), j->outputs, from.stride, accumulate));
    }
done:
    return rc;
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

joint_conv joint_of(const node *n, int x, int offsets, int weight, const recurrence_options *o)
{
    const int *size = n->in[x]->shape.size, *w = n->in[weight]->shape.size;
    const int patches = patches_of(n, offsets, o);
    return (joint_conv){.steps = size[0] / patches,
                        .patches = patches,
                        .height = size[1],
                        .width = size[2],
                        .inputs = size[3],
                        .state = w[1] - size[3],
                        .outputs = w[0],
                        .kernel = o->kernel,
                        .exact = o->exact};
}

buffer *recurrence_lengths(const node *n, int offsets, const recurrence_options *o)
{
    return o->skip ? n->in[offsets]->data : NULL;
}

int joint_scratch(node *n, int (*declare)(node *n, enum element e, shape s), size_t floats)
{
    enum { LINE = 64 };
    return declare(n, ELEMENT_FLOAT, SHAPE((int)((floats + LINE - 1) / LINE), LINE));
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
