/* Sums of images, and pending norms applied; see image.h and cl/image_sum.cl.
 *
 * The gradient of a sum is each term's, that of a settled image its own: no bytes move where a gradient may lie where
 * the output's does. */
#include "op/image_sum.h"

#include "base/error.h"
#include "op/image_part.h"
#include "op/team.h"

/* ---- the launch ------------------------------------------------------------------------------------------------- */

image_slice slice_of_values(const tensor *t)
{
    return (image_slice){.data = t->data,
                         .stride = tensor_channels(t),
                         .scale_shift = pending_scale_shift(t),
                         .line = pending_stride(t),
                         .relu = t->pending ? t->pending->relu : NO_RELU};
}

image_slice slice_of_gradient(const tensor *t)
{
    return (image_slice){.data = t->gradient, .stride = tensor_channels(t)};
}

int image_sum(device *d, const tensor *like, image_slice a, const image_slice *b, image_slice to)
{
    int rc = OK;
    kernel *k = NULL;
    const image_part p = image_part_of_tensor(d, like);
    const double values = (double)tensor_count(like);
    const cost work = {values * ((b ? 1 : 0) + (a.scale_shift ? 2 : 0) + (b && b->scale_shift ? 2 : 0)),
                       4 * values * (b ? 3 : 2)};
    const image_slice second = b ? *b : (image_slice){0};
    TRY(image_part_kernel(d, &p, "image_sum", "image_sum", &k));
    TRY(LAUNCH(k, p.chunks, p.parts, (size_t)p.frames, (size_t)p.lanes, work, arg_buffer(a.data), arg_int(a.stride),
               arg_int(a.column), arg_int(a.first), arg_buffer(a.scale_shift), arg_int(a.line),
               arg_float(relu_slope(a.relu)), arg_buffer(second.data), arg_int(second.stride), arg_int(second.column),
               arg_int(second.first), arg_buffer(second.scale_shift), arg_int(second.line),
               arg_float(relu_slope(second.relu)), arg_buffer(to.data), arg_int(to.stride), arg_int(to.column),
               arg_int(to.first), arg_int(p.pixels), arg_int(p.channels), arg_int(p.pixels_each), arg_int(p.team)));
done:
    return rc;
}

int image_copy(device *d, const tensor *like, image_slice a, image_slice to, bool accumulate)
{
    if (a.data == to.data) return OK;
    return image_sum(d, like, a, accumulate ? &to : NULL, to);
}

/* The output's gradient passed on to input i as it is, unless that lies there already. */
static int gradient_pass(node *n, device *d, int i)
{
    const tensor *x = n->in[i];
    if (!x->wants_gradient) return OK;
    return image_copy(d, x, slice_of_gradient(n->out[0]), slice_of_gradient(x), n->accumulate[i]);
}

/* ---- materialise ------------------------------------------------------------------------------------------------ */

static int materialise_shape(node *n)
{
    int rc = OK;
    TRY(image_wanted(n, 0));
    TRY(node_output(n, ELEMENT_FLOAT, n->in[0]->shape));
    node_share_gradient(n, 0, 0);
done:
    return rc;
}

static int materialise_forward(node *n, const run *r)
{
    return image_sum(r->device, n->in[0], slice_of_values(n->in[0]), NULL, slice_of_values(n->out[0]));
}

static int materialise_backward(node *n, const run *r)
{
    return gradient_pass(n, r->device, 0);
}

static const op_def materialise_def = {.name = "materialise",
                                       .shape = materialise_shape,
                                       .forward = materialise_forward,
                                       .backward = materialise_backward};

tensor *materialise(net *n, tensor *x)
{
    if (!x || !x->pending) return x;
    tensor *const in[] = {x};
    node *recorded = net_record(n, &materialise_def, in, 1, 1, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}

/* ---- image_add -------------------------------------------------------------------------------------------------- */

enum { A, B, INPUTS };

static int image_add_shape(node *n)
{
    int rc = OK;
    TRY(image_wanted(n, A));
    TRY(input_wanted(n, B, ELEMENT_FLOAT, n->in[A]->shape, "as large as the other"));
    TRY(node_output(n, ELEMENT_FLOAT, n->in[A]->shape));
    node_share_gradient(n, B, 0);
done:
    return rc;
}

static int image_add_forward(node *n, const run *r)
{
    const image_slice b = slice_of_values(n->in[B]);
    return image_sum(r->device, n->out[0], slice_of_values(n->in[A]), &b, slice_of_values(n->out[0]));
}

static int image_add_backward(node *n, const run *r)
{
    int rc = OK;
    for (int i = A; i <= B; i++) TRY(gradient_pass(n, r->device, i));
done:
    return rc;
}

static const op_def image_add_def = {
    .name = "image_add", .shape = image_add_shape, .forward = image_add_forward, .backward = image_add_backward};

tensor *image_add(net *n, tensor *a, tensor *b)
{
    tensor *const in[INPUTS] = {a, b};
    node *recorded = net_record(n, &image_add_def, in, INPUTS, INPUTS, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
