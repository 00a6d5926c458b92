/* Max pooling of series: see image.h; y = the largest of 2 x 2 x 2 neighbours of x [series dates x H x W x C] (may be
 * pending). Backward finds the largest again instead of keeping where it was: x is there, and read once. One launch each
 * way. */
#include "base/error.h"
#include "op/image.h"
#include "op/image_part.h"

static int dates_of(const node *n)
{
    return *(const int *)n->attributes;
}

static int max_pool3d_shape(node *n)
{
    int rc = OK;
    const int dates = dates_of(n);
    TRY(image_wanted(n, 0));
    shape s = n->in[0]->shape;
    if (dates < 2 || s.size[0] % dates) return node_refuse(n, 0, "should hold series of %d images, 2 or more", dates);
    if (s.size[1] < 2 || s.size[2] < 2) return node_refuse(n, 0, "should be of 2 x 2 pixels or more");
    s.size[0] = s.size[0] / dates * (dates / 2);
    for (int i = 1; i < 3; i++) s.size[i] /= 2;
    TRY(node_output(n, ELEMENT_FLOAT, s));
    node_keep_input(n, 0);
done:
    return rc;
}

static float slope_of(const tensor *x)
{
    return x->pending ? relu_slope(x->pending->relu) : 1;
}

static int max_pool3d_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *x = n->in[0], *y = n->out[0];
    const image_part p = image_part_of_tensor(r->device, y);
    const double values = (double)tensor_count(x);
    TRY(image_part_kernel(r->device, &p, "max_pool3d", "max_pool3d", &k));
    TRY(LAUNCH(k, p.chunks, p.parts, (size_t)p.frames, (size_t)p.lanes, ((cost){3 * values, 4.5 * values}),
               arg_buffer(x->data), arg_buffer(pending_scale_shift(x)), arg_int(pending_stride(x)),
               arg_float(slope_of(x)), arg_buffer(y->data), arg_int(dates_of(n)), arg_int(x->shape.size[1]),
               arg_int(x->shape.size[2]), arg_int(p.channels), arg_int(p.pixels_each), arg_int(p.team)));
done:
    return rc;
}

static int max_pool3d_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *x = n->in[0];
    const int *size = x->shape.size, dates = dates_of(n);
    const int cells = size[0] / dates * ((dates + 1) / 2), pixels = (size[1] + 1) / 2 * ((size[2] + 1) / 2);
    const image_part p = image_part_of(r->device, cells, pixels, size[3]);
    const double values = (double)tensor_count(x);
    if (!x->wants_gradient) return OK;
    TRY(image_part_kernel(r->device, &p, "max_pool3d", "max_pool3d_backward", &k));
    TRY(LAUNCH(k, p.chunks, p.parts, (size_t)p.frames, (size_t)p.lanes, ((cost){4 * values, 8.5 * values}),
               arg_buffer(x->data), arg_buffer(pending_scale_shift(x)), arg_int(pending_stride(x)),
               arg_float(slope_of(x)), arg_buffer(n->out[0]->gradient), arg_buffer(x->gradient), arg_int(dates),
               arg_int(size[1]), arg_int(size[2]), arg_int(p.channels), arg_int(p.pixels_each), arg_int(p.team),
               arg_int(n->accumulate[0])));
done:
    return rc;
}

static const op_def max_pool3d_def = {
    .name = "max_pool3d", .shape = max_pool3d_shape, .forward = max_pool3d_forward, .backward = max_pool3d_backward};

tensor *max_pool3d(net *n, tensor *x, int dates)
{
    tensor *const in[] = {x};
    node *recorded = net_record(n, &max_pool3d_def, in, 1, 1, &dates, sizeof dates);
    return recorded ? recorded->out[0] : NULL;
}
