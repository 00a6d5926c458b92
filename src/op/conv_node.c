#include "op/conv_node.h"

#include "base/error.h"

enum { X, WEIGHT, BIAS, INPUTS };
enum { Y, RECORDS }; /* outputs */
enum { PACKED };     /* work; work in backward, where dx is wanted */

typedef struct attributes {
    conv_options options;
    bool transposed;
    image_moments *moments; /* ours; NULL: not wanted */
} attributes;

/* ---- the two images --------------------------------------------------------------------------------------------- */

typedef struct image {
    int height, width, channels;
} image;

/* The ordinary convolution's input and output, whichever of them is x. */
typedef struct sides {
    int frames;
    image fine, coarse;
} sides;

static int coarse_along(int size, const conv_options *o)
{
    return (size + 2 * o->padding - o->kernel) / o->stride + 1;
}

static int fine_along(int size, const conv_options *o)
{
    return (size - 1) * o->stride - 2 * o->padding + o->kernel;
}

/* The weight is [coarse channels x fine channels x kernel x kernel] either way. */
static sides sides_of(const node *n)
{
    const attributes *a = n->attributes;
    const conv_options *o = &a->options;
    const int *x = n->in[X]->shape.size, *weight = n->in[WEIGHT]->shape.size;
    const image given = {x[1], x[2], x[3]};
    if (a->transposed) return (sides){x[0], {fine_along(x[1], o), fine_along(x[2], o), weight[1]}, given};
    return (sides){x[0], given, {coarse_along(x[1], o), coarse_along(x[2], o), weight[0]}};
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

/* From fine to coarse: an ordinary convolution. */
static conv_call call_to_coarse(const node *n)
{
    const conv_options *o = &((const attributes *)n->attributes)->options;
    const sides s = sides_of(n);
    return (conv_call){.frames = s.frames,
                       .height = s.fine.height,
                       .width = s.fine.width,
                       .inputs = s.fine.channels,
                       .out_height = s.coarse.height,
                       .out_width = s.coarse.width,
                       .outputs = s.coarse.channels,
                       .kernel = o->kernel,
                       .stride = o->stride,
                       .dilation = 1,
                       .padding = o->padding,
                       .mode = o->mode,
                       .weights = CONV_WEIGHTS};
}

/* From coarse to fine: the coarse image on a grid of the stride's step, convolved with the transposed weights. */
static conv_call call_to_fine(const node *n)
{
    const conv_options *o = &((const attributes *)n->attributes)->options;
    const sides s = sides_of(n);
    return (conv_call){.frames = s.frames,
                       .height = s.coarse.height,
                       .width = s.coarse.width,
                       .inputs = s.coarse.channels,
                       .out_height = s.fine.height,
                       .out_width = s.fine.width,
                       .outputs = s.fine.channels,
                       .kernel = o->kernel,
                       .stride = 1,
                       .dilation = o->stride,
                       .padding = o->kernel - 1 - o->padding,
                       .mode = PADDING_ZEROS,
                       .weights = CONV_WEIGHTS_TRANSPOSED};
}

/* Forward, without y and what depends on it. */
static conv_call forward_call(const node *n)
{
    const tensor *x = n->in[X];
    conv_call c = ((const attributes *)n->attributes)->transposed ? call_to_fine(n) : call_to_coarse(n);
    c.x = x->data;
    c.weight = n->in[WEIGHT]->data;
    c.bias = n->in[BIAS] ? n->in[BIAS]->data : NULL;
    c.pending = pending_options(x);
    c.scale_shift = pending_scale_shift(x);
    c.scale_stride = pending_stride(x);
    return c;
}

/* The other way. dy is the gradient of y and dx that of x's value, norm applied: dx knows nothing of x's norm. */
static conv_call data_gradient_call(const node *n)
{
    conv_call c = ((const attributes *)n->attributes)->transposed ? call_to_coarse(n) : call_to_fine(n);
    c.x = n->out[Y]->gradient;
    c.weight = n->in[WEIGHT]->data;
    c.y = n->in[X]->gradient;
    c.pending = "";
    c.accumulate = n->accumulate[X];
    return c;
}

/* Of the ordinary convolution, whose input and output gradient are x and dy, or dy and x. The bias's gradient comes
 * with it where dy is the output's. */
static conv_weight_call weight_gradient_call(const node *n)
{
    const attributes *a = n->attributes;
    const conv_call ordinary = call_to_coarse(n);
    const tensor *x = n->in[X], *bias = n->in[BIAS];
    buffer *dy = n->out[Y]->gradient;
    return (conv_weight_call){.frames = ordinary.frames,
                              .height = ordinary.height,
                              .width = ordinary.width,
                              .inputs = ordinary.inputs,
                              .out_height = ordinary.out_height,
                              .out_width = ordinary.out_width,
                              .outputs = ordinary.outputs,
                              .kernel = ordinary.kernel,
                              .stride = ordinary.stride,
                              .padding = ordinary.padding,
                              .mode = ordinary.mode,
                              .x = a->transposed ? dy : x->data,
                              .dy = a->transposed ? x->data : dy,
                              .dweight = n->in[WEIGHT]->gradient,
                              .dbias = bias && !a->transposed ? bias->gradient : NULL,
                              .pending = pending_options(x),
                              .scale_shift = pending_scale_shift(x),
                              .scale_stride = pending_stride(x),
                              .pending_is_dy = a->transposed,
                              .exact = a->options.exact,
                              .accumulate_weight = n->accumulate[WEIGHT],
                              .accumulate_bias = n->accumulate[BIAS]};
}

/* Is the bias's gradient a sum of its own, not a part of the weight's? */
static bool bias_stands_alone(const node *n)
{
    const attributes *a = n->attributes;
    return n->in[BIAS] && n->in[BIAS]->wants_gradient && (a->transposed || !n->in[WEIGHT]->wants_gradient);
}

/* ---- shape ------------------------------------------------------------------------------------------------------ */

static int inputs_wanted(const node *n, const conv_options *o, bool transposed)
{
    const tensor *x = n->in[X], *w = n->in[WEIGHT];
    if (x->element != ELEMENT_FLOAT || x->shape.rank != 4 || !tensor_count(x))
        return node_refuse(n, X, "is no image: wanted frames x height x width x channels");
    if (o->kernel < 1 || o->stride < 1 || o->padding < 0)
        return node_refuse(n, X, "meets a kernel of %d, stride %d, padding %d: wanted at least 1, 1, 0", o->kernel,
                           o->stride, o->padding);
    const int k = o->kernel, inputs = tensor_channels(x), outputs = w->shape.size[transposed ? 1 : 0];
    const shape wanted = transposed ? SHAPE(inputs, outputs, k, k) : SHAPE(outputs, inputs, k, k);
    bool fits = w->element == ELEMENT_FLOAT && w->shape.rank == wanted.rank && outputs > 0;
    for (int i = 0; fits && i < wanted.rank; i++) fits = w->shape.size[i] == wanted.size[i];
    if (!fits && transposed) return node_refuse(n, WEIGHT, "does not fit: wanted %d x N x %d x %d", inputs, k, k);
    if (!fits) return node_refuse(n, WEIGHT, "does not fit: wanted N x %d x %d x %d", inputs, k, k);
    if (n->in[BIAS] && (n->in[BIAS]->element != ELEMENT_FLOAT || tensor_count(n->in[BIAS]) != (size_t)outputs))
        return node_refuse(n, BIAS, "is no bias of %d outputs", outputs);
    return OK;
}

static int coarse_wanted(const node *n, const conv_options *o)
{
    const int height = n->in[X]->shape.size[1], width = n->in[X]->shape.size[2];
    if (o->mode == PADDING_REFLECT && (o->padding >= height || o->padding >= width))
        return node_refuse(n, X, "cannot be padded by %d: reflection needs less than its height and width", o->padding);
    if (height + 2 * o->padding < o->kernel || width + 2 * o->padding < o->kernel)
        return node_refuse(n, X, "gives no output: with a padding of %d it is smaller than the kernel of %d",
                           o->padding, o->kernel);
    return OK;
}

static int fine_wanted(const node *n, const conv_options *o)
{
    const int *size = n->in[X]->shape.size;
    if (o->mode != PADDING_ZEROS)
        return node_refuse(n, X, "is to be padded by reflection: a transposed convolution pads with zeros");
    if (fine_along(size[1], o) < 1 || fine_along(size[2], o) < 1)
        return node_refuse(n, X, "gives no output with a kernel of %d, stride %d, padding %d", o->kernel, o->stride,
                           o->padding);
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
    tensor *y = n->out[Y];
    const int frames = y->shape.size[0], channels = tensor_channels(y);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(frames, parts, 2 * channels + 1)));
    n->out[RECORDS]->wants_gradient = false;
    TRY_NEW(a->moments = node_memory(n, sizeof *a->moments));
    *a->moments = (image_moments){n->out[RECORDS], parts};
    y->moments = a->moments;
done:
    return rc;
}

/* Buffers that only the backward of trained convolutions needs. */
static int backward_declare(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    const conv_call back = data_gradient_call(n);
    const conv_weight_call weights = weight_gradient_call(n);
    if (n->in[X]->wants_gradient) {
        if (!conv_direct_parts(node_device(n), &back)) return FAILED;
        TRY(scratch(n, node_work_back, conv_packed(node_device(n), &back, a->options.exact)));
    }
    if (n->in[WEIGHT]->wants_gradient) {
        node_keep_input(n, X);
        TRY(scratch(n, node_work_back, conv_weight_partial(node_device(n), &weights)));
    }
    if (bias_stands_alone(n)) TRY(scratch(n, node_work_back, conv_bias_partial(back.inputs)));
done:
    return rc;
}

int conv_node_shape(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    const conv_options *o = &a->options;
    TRY(inputs_wanted(n, o, a->transposed));
    TRY(a->transposed ? fine_wanted(n, o) : coarse_wanted(n, o));
    const conv_call c = forward_call(n);
    const int parts = conv_parts_most(node_device(n), &c, o->exact);
    if (!parts) return FAILED;
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(c.frames, c.out_height, c.out_width, c.outputs)));
    if (o->moments) TRY(moments_declare(n, parts));
    TRY(scratch(n, node_work, conv_packed(node_device(n), &c, o->exact)));
    TRY(backward_declare(n));
done:
    return rc;
}

/* ---- passes ----------------------------------------------------------------------------------------------------- */

int conv_node_forward(node *n, const run *r)
{
    attributes *a = n->attributes;
    conv_call c = forward_call(n);
    c.y = n->out[Y]->data;
    c.packed = n->work[PACKED]->data;
    c.moments = a->moments ? n->out[RECORDS]->data : NULL;
    return conv_convolve(r->device, &c, a->options.exact, a->moments ? &a->moments->parts : NULL);
}

int conv_node_backward(node *n, const run *r)
{
    int rc = OK, used = 0;
    const attributes *a = n->attributes;
    const conv_options *o = &a->options;
    conv_call back = data_gradient_call(n);
    conv_weight_call weights = weight_gradient_call(n);
    if (back.y) {
        back.packed = n->work_back[used++]->data;
        TRY(conv_convolve(r->device, &back, o->exact, NULL));
        if (o->mode == PADDING_REFLECT && o->padding > 0) TRY(conv_reflect_fold(r->device, &back, o->padding));
    }
    if (weights.dweight) {
        weights.partial = n->work_back[used++]->data;
        TRY(conv_weight_gradient(r->device, &weights));
    }
    if (bias_stands_alone(n))
        TRY(conv_bias_gradient(r->device, tensor_rows(n->out[Y]), back.inputs, back.x, n->in[BIAS]->gradient,
                               n->accumulate[BIAS], n->work_back[used]->data));
done:
    return rc;
}

tensor *conv_node_record(net *n, const op_def *def, tensor *x, tensor *weight, tensor *bias, conv_options options,
                         bool transposed)
{
    tensor *const in[INPUTS] = {x, weight, bias};
    const attributes a = {.options = options, .transposed = transposed};
    node *added = net_record(n, def, in, INPUTS, BIAS, &a, sizeof a);
    return added ? added->out[Y] : NULL;
}
