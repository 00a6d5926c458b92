#include "op/conv_node.h"

#include "base/error.h"
#include "op/conv_calls.h"

enum { PACKED }; /* work; work in backward, where dx is wanted */

typedef conv_attributes attributes;

/* Is the bias's gradient a sum of its own, not a part of the weight's? */
static bool bias_stands_alone(const node *n)
{
    const attributes *a = n->attributes;
    return n->in[CONV_BIAS] && n->in[CONV_BIAS]->wants_gradient &&
           (a->transposed || !n->in[CONV_WEIGHT]->wants_gradient);
}

/* ---- shape ------------------------------------------------------------------------------------------------------ */

static int inputs_wanted(const node *n, const conv_options *o, bool transposed)
{
    const tensor *x = n->in[CONV_X], *w = n->in[CONV_WEIGHT];
    if (x->element != ELEMENT_FLOAT || x->shape.rank != 4 || !tensor_count(x))
        return node_refuse(n, CONV_X, "is no image: wanted frames x height x width x channels");
    if (o->kernel < 1 || o->stride < 1 || o->padding < 0)
        return node_refuse(n, CONV_X, "meets a kernel of %d, stride %d, padding %d: wanted at least 1, 1, 0", o->kernel,
                           o->stride, o->padding);
    const int k = o->kernel, inputs = tensor_channels(x), outputs = w->shape.size[transposed ? 1 : 0];
    shape wanted = transposed ? SHAPE(inputs, outputs, k, k) : SHAPE(outputs, inputs, k, k);
    if (conv_is_3d(n)) wanted.size[wanted.rank++] = k;
    bool fits = w->element == ELEMENT_FLOAT && w->shape.rank == wanted.rank && outputs > 0;
    for (int i = 0; fits && i < wanted.rank; i++) fits = w->shape.size[i] == wanted.size[i];
    if (!fits && conv_is_3d(n))
        return transposed ? node_refuse(n, CONV_WEIGHT, "does not fit: wanted %d x N x %d x %d x %d", inputs, k, k, k)
                          : node_refuse(n, CONV_WEIGHT, "does not fit: wanted N x %d x %d x %d x %d", inputs, k, k, k);
    if (!fits && transposed) return node_refuse(n, CONV_WEIGHT, "does not fit: wanted %d x N x %d x %d", inputs, k, k);
    if (!fits) return node_refuse(n, CONV_WEIGHT, "does not fit: wanted N x %d x %d x %d", inputs, k, k);
    if (n->in[CONV_BIAS] &&
        (n->in[CONV_BIAS]->element != ELEMENT_FLOAT || tensor_count(n->in[CONV_BIAS]) != (size_t)outputs))
        return node_refuse(n, CONV_BIAS, "is no bias of %d outputs", outputs);
    return OK;
}

/* Series, and what three dimensions can do: see image.h. */
static int series_wanted(const node *n, const attributes *a)
{
    const conv_options *o = &a->options;
    const int frames = n->in[CONV_X]->shape.size[0], dates = a->series.dates, padding = a->series.padding;
    if (dates < 0 || (dates && frames % dates)) return node_refuse(n, CONV_X, "should hold series of %d images", dates);
    if (!dates) return OK;
    if (o->mode != PADDING_ZEROS)
        return node_refuse(n, CONV_X, "is to be padded by reflection: series are padded by zeros");
    if (!a->transposed && o->stride != 1)
        return node_refuse(n, CONV_X, "meets a stride of %d: in three dimensions it is 1", o->stride);
    if (!a->transposed && (padding < 0 || dates + 2 * padding < o->kernel))
        return node_refuse(n, CONV_X,
                           "gives no output: with a padding of %d its %d dates are fewer than the kernel of %d",
                           padding, dates, o->kernel);
    const int behind = o->stride + 2 * padding - o->kernel; /* torch's output_padding */
    if (a->transposed && (behind < 0 || behind >= o->stride || o->kernel < o->stride))
        return node_refuse(n, CONV_X, "is not made %d times as large by a kernel of %d and a padding of %d", o->stride,
                           o->kernel, padding);
    return OK;
}

static int coarse_wanted(const node *n, const conv_options *o)
{
    const int height = n->in[CONV_X]->shape.size[1], width = n->in[CONV_X]->shape.size[2];
    if (o->mode == PADDING_REFLECT && (o->padding >= height || o->padding >= width))
        return node_refuse(n, CONV_X, "cannot be padded by %d: reflection needs less than its height and width",
                           o->padding);
    if (height + 2 * o->padding < o->kernel || width + 2 * o->padding < o->kernel)
        return node_refuse(n, CONV_X, "gives no output: with a padding of %d it is smaller than the kernel of %d",
                           o->padding, o->kernel);
    return OK;
}

static int fine_wanted(const node *n, const conv_options *o)
{
    const int *size = n->in[CONV_X]->shape.size;
    if (o->mode != PADDING_ZEROS)
        return node_refuse(n, CONV_X, "is to be padded by reflection: a transposed convolution pads with zeros");
    if (conv_fine_along(size[1], o) < 1 || conv_fine_along(size[2], o) < 1)
        return node_refuse(n, CONV_X, "gives no output with a kernel of %d, stride %d, padding %d", o->kernel,
                           o->stride, o->padding);
    return OK;
}

static int scratch(node *n, int (*declare)(node *n, enum element e, shape s), size_t floats)
{
    enum { LINE = 64 };
    return declare(n, ELEMENT_FLOAT, SHAPE((int)((floats + LINE - 1) / LINE), LINE));
}

/* The moments of y, at most `parts` a frame, as a second output. */
static int moments_declare(node *n, int parts)
{
    int rc = OK;
    attributes *a = n->attributes;
    tensor *y = n->out[CONV_Y];
    const int frames = y->shape.size[0], channels = tensor_channels(y);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(frames, parts, 2 * channels + 1)));
    n->out[CONV_RECORDS]->wants_gradient = false;
    TRY_NEW(a->moments = node_memory(n, sizeof *a->moments));
    *a->moments = (image_moments){n->out[CONV_RECORDS], parts};
    y->moments = a->moments;
done:
    return rc;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Buffers that only the backward of trained convolutions needs. */
static int backward_declare(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    const conv_weight_call weights = conv_weight_gradient_call(n);
    size_t packed = 0;
    for (int phase = 0; phase < conv_phases(n, !a->transposed); phase++) {
        const conv_call back = conv_data_gradient_call(n, phase);
        if (n->in[CONV_X]->wants_gradient && !conv_direct_parts(node_device(n), &back)) return FAILED;
        packed = larger(packed, conv_packed(node_device(n), &back, a->options.exact));
    }
    if (n->in[CONV_X]->wants_gradient) TRY(scratch(n, node_work_back, packed));
    if (n->in[CONV_WEIGHT]->wants_gradient) {
        node_keep_input(n, CONV_X);
        TRY(scratch(n, node_work_back, conv_weight_partial(node_device(n), &weights)));
    }
    if (bias_stands_alone(n)) TRY(scratch(n, node_work_back, conv_bias_partial(tensor_channels(n->out[CONV_Y]))));
done:
    return rc;
}

int conv_node_shape(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    const conv_options *o = &a->options;
    TRY(inputs_wanted(n, o, a->transposed));
    TRY(series_wanted(n, a));
    TRY(a->transposed ? fine_wanted(n, o) : coarse_wanted(n, o));
    int parts = 0;
    size_t packed = 0;
    const int phases = conv_phases(n, a->transposed);
    conv_call c;
    for (int phase = 0; phase < phases; phase++) {
        c = conv_forward_call(n, phase);
        if (!(parts = conv_parts_most(node_device(n), &c, o->exact))) return FAILED;
        packed = larger(packed, conv_packed(node_device(n), &c, o->exact));
    }
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(c.frames * phases, c.out_height, c.out_width, c.outputs)));
    if (o->moments && phases == 1) TRY(moments_declare(n, parts)); /* phases differ in their parts */
    TRY(scratch(n, node_work, packed));
    TRY(backward_declare(n));
done:
    return rc;
}

/* ---- passes ----------------------------------------------------------------------------------------------------- */

int conv_node_forward(node *n, const run *r)
{
    int rc = OK;
    attributes *a = n->attributes;
    for (int phase = 0; phase < conv_phases(n, a->transposed); phase++) {
        conv_call c = conv_forward_call(n, phase);
        c.y = n->out[CONV_Y]->data;
        c.packed = n->work[PACKED]->data;
        c.moments = a->moments ? n->out[CONV_RECORDS]->data : NULL;
        TRY(conv_convolve(r->device, &c, a->options.exact, a->moments ? &a->moments->parts : NULL));
    }
done:
    return rc;
}

static int data_gradient(node *n, const run *r, buffer *packed)
{
    int rc = OK;
    const attributes *a = n->attributes;
    const conv_options *o = &a->options;
    for (int phase = 0; phase < conv_phases(n, !a->transposed); phase++) {
        conv_call back = conv_data_gradient_call(n, phase);
        back.packed = packed;
        TRY(conv_convolve(r->device, &back, o->exact, NULL));
        if (o->mode == PADDING_REFLECT && o->padding > 0) TRY(conv_reflect_fold(r->device, &back, o->padding));
    }
done:
    return rc;
}

int conv_node_backward(node *n, const run *r)
{
    int rc = OK, used = 0;
    conv_weight_call weights = conv_weight_gradient_call(n);
    if (n->in[CONV_X]->gradient) TRY(data_gradient(n, r, n->work_back[used++]->data));
    if (weights.dweight) {
        weights.partial = n->work_back[used++]->data;
        TRY(conv_weight_gradient(r->device, &weights));
    }
    if (bias_stands_alone(n))
        TRY(conv_bias_gradient(r->device, tensor_rows(n->out[CONV_Y]), tensor_channels(n->out[CONV_Y]),
                               n->out[CONV_Y]->gradient, n->in[CONV_BIAS]->gradient, n->accumulate[CONV_BIAS],
                               n->work_back[used]->data));
done:
    return rc;
}

tensor *conv_node_record(net *n, const op_def *def, tensor *x, tensor *weight, tensor *bias, conv_options options,
                         conv_series series, bool transposed)
{
    tensor *const in[CONV_INPUTS] = {x, weight, bias};
    const attributes a = {.options = options, .series = series, .transposed = transposed};
    node *added = net_record(n, def, in, CONV_INPUTS, CONV_BIAS, &a, sizeof a);
    return added ? added->out[CONV_Y] : NULL;
}
