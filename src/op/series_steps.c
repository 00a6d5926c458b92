/* Ragged series of images put in steps, for recurrences that take all patches a date at a time; see image.h. */
#include <stdio.h>

#include "base/error.h"
#include "op/image.h"
#include "op/image_part.h"
#include "op/team.h"

enum { X, OFFSETS, INPUTS };
enum { EACH = 1 << 13 /* values of a group */, GPU_LANES = 64 };

/* How many of the batch's patches. */
static int patches_of(const node *n)
{
    const series_steps_options *o = n->attributes;
    return o->patches ? o->patches : sequence_count(n, OFFSETS);
}

static int series_steps_shape(node *n)
{
    int rc = OK;
    const series_steps_options *o = n->attributes;
    TRY(image_wanted(n, X));
    TRY(settled_wanted(n, X));
    TRY(offsets_wanted(n, OFFSETS));
    shape s = n->in[X]->shape;
    const int patches = patches_of(n), all = sequence_count(n, OFFSETS);
    if (o->first < 0 || patches > all || o->first > all - patches)
        return node_refuse(n, OFFSETS, "has no %d patches from patch %d on", patches, o->first);
    if (patches < 1 || o->steps < 1 || o->steps > INT32_MAX / patches || s.size[0] / all > o->steps)
        return node_refuse(n, X, "does not fit %d steps of %d patches", o->steps, patches);
    node_keep_input(n, OFFSETS);
    s.size[0] = patches * o->steps;
    TRY(node_output(n, ELEMENT_FLOAT, s));
done:
    return rc;
}

/* The kernel, and how many items a group has. */
static int kernel_of(device *d, const char *name, size_t *lanes, kernel **out)
{
    char options[48];
    const bool cpu = device_tiles(d) == TILE_CPU;
    *lanes = cpu ? 1 : GPU_LANES;
    while (*lanes > device_about(d)->work_group_limit) *lanes /= 2;
    snprintf(options, sizeof options, "-DVW=%d -DLANES=%zu",
             !cpu                                  ? 1
             : device_about(d)->vector_width >= 16 ? 16
                                                   : 8,
             *lanes);
    return kernel_get(d, "series_steps", options, name, out);
}

static int run_kernel(node *n, device *d, const char *name, buffer *from, buffer *to, argument last)
{
    int rc = OK;
    kernel *k = NULL;
    size_t lanes;
    const series_steps_options *o = n->attributes;
    const tensor *y = n->out[0];
    const int *size = y->shape.size, values = size[1] * size[2] * size[3];
    TRY(kernel_of(d, name, &lanes, &k));
    TRY(LAUNCH(k, (size_t)((values - 1) / EACH + 1), (size_t)size[0], 1, lanes,
               ((cost){0, 8 * (double)tensor_count(y)}), arg_buffer(from), arg_buffer(n->in[OFFSETS]->data),
               arg_buffer(to), arg_int(o->steps), arg_int(o->first), arg_int(patches_of(n)), arg_int(values),
               arg_int(EACH), arg_int(o->reverse), arg_int(o->padding_first), last));
done:
    return rc;
}

static int series_steps_forward(node *n, const run *r)
{
    const series_steps_options *o = n->attributes;
    return run_kernel(n, r->device, "series_steps", n->in[X]->data, n->out[0]->data, arg_float(o->pad_value));
}

static int series_steps_backward(node *n, const run *r)
{
    const tensor *x = n->in[X];
    if (!x->wants_gradient) return OK;
    if (!n->accumulate[X] && patches_of(n) < sequence_count(n, OFFSETS)) { /* frames of the others: nothing */
        int rc = buffer_fill(x->gradient, 0, 0, tensor_count(x) * sizeof(float));
        if (rc) return rc;
    }
    return run_kernel(n, r->device, "series_steps_backward", n->out[0]->gradient, n->in[X]->gradient,
                      arg_int(n->accumulate[X]));
}

static const op_def series_steps_def = {"series_steps", series_steps_shape, series_steps_forward, series_steps_backward,
                                        NULL};

tensor *series_steps(net *n, tensor *x, tensor *offsets, series_steps_options options)
{
    tensor *const in[INPUTS] = {x, offsets};
    node *added = net_record(n, &series_steps_def, in, INPUTS, INPUTS, &options, sizeof options);
    return added ? added->out[0] : NULL;
}
