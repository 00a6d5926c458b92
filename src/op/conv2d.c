/* Convolution, channels last: y = weight * x + bias (cross-correlation, as torch.nn.Conv2d).
 * x [F x H x W x K] (may be pending), weight [N x K x kernel x kernel], bias [N] optional -> y [F x OH x OW x N], and,
 * where a norm follows, the moments of y as a second output, written by the same kernel.
 *
 *   dx = the transposed convolution of dy (with padding by reflection, the ring around the image folded back);
 *   dweight = sum over pixels of dy x; dbias = sum of dy.
 *
 * dy is the gradient of y and dx that of x's value, norm applied: only the weight gradient sees the norm of x.
 * Launches: forward 2; backward 2 for dx (and at most 9 small ones for the ring), 2 for dweight and dbias. */
#include "base/error.h"
#include "op/conv.h"

enum { X, WEIGHT, BIAS, INPUTS };
enum { Y, RECORDS }; /* outputs */
enum { PACKED };     /* work; work in backward, where dx is wanted */

typedef struct attributes {
    conv_options options;
    image_moments *moments; /* ours; NULL: not wanted */
} attributes;

/* ---- calls ------------------------------------------------------------------------------------------------------ */

/* Forward, without y and what depends on it. */
static conv_call forward_call(const node *n)
{
    const attributes *a = n->attributes;
    const conv_options *o = &a->options;
    const tensor *x = n->in[X];
    const int *size = x->shape.size;
    return (conv_call){.frames = size[0],
                       .height = size[1],
                       .width = size[2],
                       .inputs = size[3],
                       .out_height = (size[1] + 2 * o->padding - o->kernel) / o->stride + 1,
                       .out_width = (size[2] + 2 * o->padding - o->kernel) / o->stride + 1,
                       .outputs = n->in[WEIGHT]->shape.size[0],
                       .kernel = o->kernel,
                       .stride = o->stride,
                       .dilation = 1,
                       .padding = o->padding,
                       .mode = o->mode,
                       .weights = CONV_WEIGHTS,
                       .x = x->data,
                       .weight = n->in[WEIGHT]->data,
                       .bias = n->in[BIAS] ? n->in[BIAS]->data : NULL,
                       .pending = pending_options(x),
                       .scale_shift = pending_scale_shift(x),
                       .scale_stride = pending_stride(x)};
}

/* Data gradient: dy on a grid of the stride's step, convolved with the transposed weights. */
static conv_call data_gradient_call(const node *n)
{
    const conv_call f = forward_call(n);
    return (conv_call){.frames = f.frames,
                       .height = f.out_height,
                       .width = f.out_width,
                       .inputs = f.outputs,
                       .out_height = f.height,
                       .out_width = f.width,
                       .outputs = f.inputs,
                       .kernel = f.kernel,
                       .stride = 1,
                       .dilation = f.stride,
                       .padding = f.kernel - 1 - f.padding,
                       .mode = PADDING_ZEROS,
                       .weights = CONV_WEIGHTS_TRANSPOSED,
                       .x = n->out[Y]->gradient,
                       .weight = f.weight,
                       .y = n->in[X]->gradient,
                       .pending = "",
                       .accumulate = n->accumulate[X]};
}

static conv_weight_call weight_gradient_call(const node *n)
{
    const conv_call f = forward_call(n);
    const attributes *a = n->attributes;
    return (conv_weight_call){.frames = f.frames,
                              .height = f.height,
                              .width = f.width,
                              .inputs = f.inputs,
                              .out_height = f.out_height,
                              .out_width = f.out_width,
                              .outputs = f.outputs,
                              .kernel = f.kernel,
                              .stride = f.stride,
                              .padding = f.padding,
                              .mode = f.mode,
                              .x = f.x,
                              .dy = n->out[Y]->gradient,
                              .dweight = n->in[WEIGHT]->gradient,
                              .dbias = n->in[BIAS] ? n->in[BIAS]->gradient : NULL,
                              .pending = f.pending,
                              .scale_shift = f.scale_shift,
                              .scale_stride = f.scale_stride,
                              .exact = a->options.exact,
                              .accumulate_weight = n->accumulate[WEIGHT],
                              .accumulate_bias = n->accumulate[BIAS]};
}

static bool is_reflected(const conv_options *o)
{
    return o->mode == PADDING_REFLECT && o->padding > 0;
}

/* ---- shape ------------------------------------------------------------------------------------------------------ */

static int sizes_wanted(const node *n, const conv_options *o)
{
    const int height = n->in[X]->shape.size[1], width = n->in[X]->shape.size[2];
    if (o->mode == PADDING_REFLECT && (o->padding >= height || o->padding >= width))
        return node_refuse(n, X, "cannot be padded by %d: reflection needs less than its height and width", o->padding);
    if (height + 2 * o->padding < o->kernel || width + 2 * o->padding < o->kernel)
        return node_refuse(n, X, "gives no output: with a padding of %d it is smaller than the kernel of %d",
                           o->padding, o->kernel);
    return OK;
}

/* Buffers that only the backward of trained convolutions needs. */
static int backward_declare(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    const conv_call back = data_gradient_call(n);
    const conv_weight_call weights = weight_gradient_call(n);
    const bool wants_bias = n->in[BIAS] && n->in[BIAS]->wants_gradient;
    if (n->in[X]->wants_gradient) {
        if (!conv_direct_parts(node_device(n), &back)) return FAILED;
        TRY(conv_scratch(n, node_work_back, conv_packed(node_device(n), &back, a->options.exact)));
    }
    if (n->in[WEIGHT]->wants_gradient) {
        node_keep_input(n, X);
        TRY(conv_scratch(n, node_work_back, conv_weight_partial(node_device(n), &weights)));
    } else if (wants_bias)
        TRY(conv_scratch(n, node_work_back, conv_bias_partial(back.inputs)));
done:
    return rc;
}

static int conv2d_shape(node *n)
{
    int rc = OK;
    attributes *a = n->attributes;
    const conv_options *o = &a->options;
    TRY(conv_inputs_wanted(n, o, false));
    TRY(sizes_wanted(n, o));
    const conv_call c = forward_call(n);
    const int parts = conv_parts_most(node_device(n), &c, o->exact);
    if (!parts) return FAILED;
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(c.frames, c.out_height, c.out_width, c.outputs)));
    if (o->moments) TRY(conv_moments_output(n, parts, &a->moments));
    TRY(conv_scratch(n, node_work, conv_packed(node_device(n), &c, o->exact)));
    TRY(backward_declare(n));
done:
    return rc;
}

/* ---- passes ----------------------------------------------------------------------------------------------------- */

static int conv2d_forward(node *n, const run *r)
{
    attributes *a = n->attributes;
    conv_call c = forward_call(n);
    c.y = n->out[Y]->data;
    c.packed = n->work[PACKED]->data;
    c.moments = a->moments ? n->out[RECORDS]->data : NULL;
    return conv_convolve(r->device, &c, a->options.exact, a->moments ? &a->moments->parts : NULL);
}

static int conv2d_backward(node *n, const run *r)
{
    int rc = OK;
    const attributes *a = n->attributes;
    conv_weight_call weights = weight_gradient_call(n);
    int scratch = 0;
    if (n->in[X]->gradient) {
        conv_call back = data_gradient_call(n);
        back.packed = n->work_back[scratch++]->data;
        TRY(conv_convolve(r->device, &back, a->options.exact, NULL));
        if (is_reflected(&a->options)) TRY(conv_reflect_fold(r->device, &back, a->options.padding));
    }
    if (weights.dweight) {
        weights.partial = n->work_back[scratch]->data;
        TRY(conv_weight_gradient(r->device, &weights));
    } else if (weights.dbias)
        TRY(conv_bias_gradient(r->device, tensor_rows(n->out[Y]), weights.outputs, weights.dy, weights.dbias,
                               weights.accumulate_bias, n->work_back[scratch]->data));
done:
    return rc;
}

static const op_def conv2d_def = {
    .name = "conv2d", .shape = conv2d_shape, .forward = conv2d_forward, .backward = conv2d_backward};

tensor *conv2d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options)
{
    tensor *const in[INPUTS] = {x, weight, bias};
    const attributes a = {.options = options};
    node *added = net_record(n, &conv2d_def, in, INPUTS, BIAS, &a, sizeof a);
    return added ? added->out[Y] : NULL;
}
