/* Transposed convolution with zero padding (as torch.nn.ConvTranspose2d): what a convolution of that weight, stride and
 * padding has for a data gradient.
 * x [F x H x W x K] (may be pending), weight [K x N x kernel x kernel], bias [N] optional -> y [F x OH x OW x N],
 * OH = (H - 1) stride - 2 padding + kernel, and moments of y as in conv2d.c.
 *
 *   dx = weight convolved with dy;  dweight: the weight gradient of that convolution, x and dy having changed places;
 *   dbias = sum of dy.
 *
 * Launches: forward 2; backward 2 for dx, 2 for dweight, 2 for dbias. */
#include "base/error.h"
#include "op/conv.h"

enum { X, WEIGHT, BIAS, INPUTS };
enum { Y, RECORDS }; /* outputs */
enum { PACKED };     /* work */

typedef struct attributes {
    conv_options options;
    image_moments *moments; /* ours; NULL: not wanted */
} attributes;

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static int outputs_along(int size, const conv_options *o)
{
    return (size - 1) * o->stride - 2 * o->padding + o->kernel;
}

/* Forward: x on a grid of the stride's step. */
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
                       .out_height = outputs_along(size[1], o),
                       .out_width = outputs_along(size[2], o),
                       .outputs = n->in[WEIGHT]->shape.size[1],
                       .kernel = o->kernel,
                       .stride = 1,
                       .dilation = o->stride,
                       .padding = o->kernel - 1 - o->padding,
                       .mode = PADDING_ZEROS,
                       .weights = CONV_WEIGHTS_TRANSPOSED,
                       .x = x->data,
                       .weight = n->in[WEIGHT]->data,
                       .bias = n->in[BIAS] ? n->in[BIAS]->data : NULL,
                       .pending = pending_options(x),
                       .scale_shift = pending_scale_shift(x),
                       .scale_stride = pending_stride(x)};
}

/* Data gradient: an ordinary convolution of dy, the weight [K x N x ..] being one of K outputs. */
static conv_call data_gradient_call(const node *n)
{
    const attributes *a = n->attributes;
    const conv_call f = forward_call(n);
    return (conv_call){.frames = f.frames,
                       .height = f.out_height,
                       .width = f.out_width,
                       .inputs = f.outputs,
                       .out_height = f.height,
                       .out_width = f.width,
                       .outputs = f.inputs,
                       .kernel = f.kernel,
                       .stride = a->options.stride,
                       .dilation = 1,
                       .padding = a->options.padding,
                       .mode = PADDING_ZEROS,
                       .weights = CONV_WEIGHTS,
                       .x = n->out[Y]->gradient,
                       .weight = f.weight,
                       .y = n->in[X]->gradient,
                       .pending = "",
                       .accumulate = n->accumulate[X]};
}

/* Weight gradient: that of the same convolution, whose input is our dy and whose output's gradient is our x. */
static conv_weight_call weight_gradient_call(const node *n)
{
    const conv_call f = forward_call(n);
    const attributes *a = n->attributes;
    return (conv_weight_call){.frames = f.frames,
                              .height = f.out_height,
                              .width = f.out_width,
                              .inputs = f.outputs,
                              .out_height = f.height,
                              .out_width = f.width,
                              .outputs = f.inputs,
                              .kernel = f.kernel,
                              .stride = a->options.stride,
                              .padding = a->options.padding,
                              .mode = PADDING_ZEROS,
                              .x = n->out[Y]->gradient,
                              .dy = f.x,
                              .dweight = n->in[WEIGHT]->gradient,
                              .pending = f.pending,
                              .scale_shift = f.scale_shift,
                              .scale_stride = f.scale_stride,
                              .pending_is_dy = true,
                              .exact = a->options.exact,
                              .accumulate_weight = n->accumulate[WEIGHT]};
}

/* ---- shape ------------------------------------------------------------------------------------------------------ */

static int sizes_wanted(const node *n, const conv_options *o)
{
    const int *size = n->in[X]->shape.size;
    if (o->mode != PADDING_ZEROS)
        return node_refuse(n, X, "is to be padded by reflection: a transposed convolution pads with zeros");
    if (outputs_along(size[1], o) < 1 || outputs_along(size[2], o) < 1)
        return node_refuse(n, X, "gives no output with a kernel of %d, stride %d, padding %d", o->kernel, o->stride,
                           o->padding);
    return OK;
}

static int backward_declare(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    const conv_call back = data_gradient_call(n);
    const conv_weight_call weights = weight_gradient_call(n);
    if (n->in[X]->wants_gradient) {
        if (!conv_direct_parts(node_device(n), &back)) return FAILED;
        TRY(conv_scratch(n, node_work_back, conv_packed(node_device(n), &back, a->options.exact)));
    }
    if (n->in[WEIGHT]->wants_gradient) {
        node_keep_input(n, X);
        TRY(conv_scratch(n, node_work_back, conv_weight_partial(node_device(n), &weights)));
    }
    if (n->in[BIAS] && n->in[BIAS]->wants_gradient)
        TRY(conv_scratch(n, node_work_back, conv_bias_partial(back.inputs)));
done:
    return rc;
}

static int conv_transpose2d_shape(node *n)
{
    int rc = OK;
    attributes *a = n->attributes;
    const conv_options *o = &a->options;
    TRY(conv_inputs_wanted(n, o, true));
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

static int conv_transpose2d_forward(node *n, const run *r)
{
    attributes *a = n->attributes;
    conv_call c = forward_call(n);
    c.y = n->out[Y]->data;
    c.packed = n->work[PACKED]->data;
    c.moments = a->moments ? n->out[RECORDS]->data : NULL;
    return conv_convolve(r->device, &c, a->options.exact, a->moments ? &a->moments->parts : NULL);
}

static int conv_transpose2d_backward(node *n, const run *r)
{
    int rc = OK, scratch = 0;
    const attributes *a = n->attributes;
    conv_call back = data_gradient_call(n);
    conv_weight_call weights = weight_gradient_call(n);
    if (back.y) {
        back.packed = n->work_back[scratch++]->data;
        TRY(conv_convolve(r->device, &back, a->options.exact, NULL));
    }
    if (weights.dweight) {
        weights.partial = n->work_back[scratch++]->data;
        TRY(conv_weight_gradient(r->device, &weights));
    }
    if (n->in[BIAS] && n->in[BIAS]->gradient)
        TRY(conv_bias_gradient(r->device, tensor_rows(n->out[Y]), back.inputs, back.x, n->in[BIAS]->gradient,
                               n->accumulate[BIAS], n->work_back[scratch]->data));
done:
    return rc;
}

static const op_def conv_transpose2d_def = {.name = "conv_transpose2d",
                                            .shape = conv_transpose2d_shape,
                                            .forward = conv_transpose2d_forward,
                                            .backward = conv_transpose2d_backward};

tensor *conv_transpose2d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options)
{
    tensor *const in[INPUTS] = {x, weight, bias};
    const attributes a = {.options = options};
    node *added = net_record(n, &conv_transpose2d_def, in, INPUTS, BIAS, &a, sizeof a);
    return added ? added->out[Y] : NULL;
}
