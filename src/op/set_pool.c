/* Pooling over a set of pixels (Garnot et al., CVPR 2020); see op.h.
 *
 *   n = sum m;  mean = sum m x / n;  std = sqrt(sum (m (x - mean))^2 / d + 1e-31), d = n - 1 (1 for n = 1)
 *   max, min over all pixels, whatever their mask
 *
 * x [frames x S x C], mask [frames x S] (takes no gradient) -> [frames x pools C]. Backward reads x and mask again and
 * stores nothing between. */
#include "base/error.h"
#include "op/channels.h"
#include "op/op.h"

enum { X, MASK, INPUTS };

static int set_pool_shape(node *n)
{
    int rc = OK;
    const pooling_list *pools = n->attributes;
    const tensor *x = n->in[X], *mask = n->in[MASK];
    if (x->element != ELEMENT_FLOAT || x->shape.rank != 3 || x->shape.size[1] < 1 || x->shape.size[2] < 1)
        return node_refuse(n, X, "should be frames x pixels x channels of reals");
    const int frames = x->shape.size[0], pixels = x->shape.size[1], channels = x->shape.size[2];
    if (mask->element != ELEMENT_FLOAT || mask->shape.rank != 2 || mask->shape.size[0] != frames ||
        mask->shape.size[1] != pixels)
        return node_refuse(n, MASK, "should be %d x %d reals: a weight a pixel", frames, pixels);
    if (mask->wants_gradient) return node_refuse(n, MASK, "takes no gradient");
    if (pools->count < 1 || pools->count > 4) return node_refuse(n, X, "needs 1 to 4 poolings, got %d", pools->count);
    for (int i = 0; i < pools->count; i++)
        for (int k = 0; k < i; k++)
            if (pools->kind[i] == pools->kind[k]) return node_refuse(n, X, "has one pooling twice");
    node_keep_input(n, X);
    node_keep_input(n, MASK);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(frames, pools->count * channels)));
done:
    return rc;
}

/* Where a pooling lies in the output row, counted in poolings; -1: it is not asked for. */
static argument place_of(const pooling_list *pools, enum pooling kind)
{
    for (int i = 0; i < pools->count; i++)
        if (pools->kind[i] == kind) return arg_int(i);
    return arg_int(-1);
}

static int set_pool_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *x = n->in[X];
    const pooling_list *pools = n->attributes;
    const int frames = x->shape.size[0], pixels = x->shape.size[1], channels = x->shape.size[2];
    const double values = (double)tensor_count(x);
    const channel_form f = channel_form_of(r->device, channels);
    TRY(channel_kernel(r->device, f, "set_pool", "set_pool", &k));
    TRY(LAUNCH(k, f.groups * (size_t)frames, 1, 1, (size_t)f.lanes, ((cost){9 * values, 4 * values}),
               arg_buffer(x->data), arg_buffer(n->in[MASK]->data), arg_int(pixels), arg_int(channels),
               arg_int(pools->count), place_of(pools, POOL_MEAN), place_of(pools, POOL_STD), place_of(pools, POOL_MAX),
               place_of(pools, POOL_MIN), arg_buffer(n->out[0]->data)));
done:
    return rc;
}

static int set_pool_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *x = n->in[X];
    const pooling_list *pools = n->attributes;
    const int frames = x->shape.size[0], pixels = x->shape.size[1], channels = x->shape.size[2];
    const double values = (double)tensor_count(x);
    const channel_form f = channel_form_of(r->device, channels);
    if (!x->wants_gradient) return OK;
    TRY(channel_kernel(r->device, f, "set_pool", "set_pool_backward", &k));
    TRY(LAUNCH(k, f.groups * (size_t)frames, 1, 1, (size_t)f.lanes, ((cost){20 * values, 8 * values}),
               arg_buffer(x->data), arg_buffer(n->in[MASK]->data), arg_int(pixels), arg_int(channels),
               arg_int(pools->count), place_of(pools, POOL_MEAN), place_of(pools, POOL_STD), place_of(pools, POOL_MAX),
               place_of(pools, POOL_MIN), arg_buffer(n->out[0]->gradient), arg_buffer(x->gradient),
               arg_int(n->accumulate[X])));
done:
    return rc;
}

static const op_def set_pool_def = {"set_pool", set_pool_shape, set_pool_forward, set_pool_backward, NULL};

tensor *set_pool(net *n, tensor *x, tensor *mask, pooling_list pools)
{
    tensor *const in[INPUTS] = {x, mask};
    node *recorded = net_record(n, &set_pool_def, in, INPUTS, INPUTS, &pools, sizeof pools);
    return recorded ? recorded->out[0] : NULL;
}
