/* Ragged series filled up to one length: see image.h. A copy; nothing is differentiated. One launch. */
#include "base/error.h"
#include "op/image.h"
#include "op/image_part.h"
#include "op/team.h"

enum { X, OFFSETS, INPUTS };

typedef struct attributes {
    int dates;
    float value;
} attributes;

static int series_pad_shape(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    TRY(image_wanted(n, X));
    TRY(settled_wanted(n, X));
    TRY(offsets_wanted(n, OFFSETS));
    shape s = n->in[X]->shape;
    const int series = sequence_count(n, OFFSETS), frames = s.size[0];
    if (a->dates < 1 || series > INT32_MAX / a->dates || frames > series * a->dates)
        return node_refuse(n, X, "does not fit into %d series of %d dates", series, a->dates);
    s.size[0] = series * a->dates;
    TRY(node_output(n, ELEMENT_FLOAT, s));
    n->out[0]->wants_gradient = false;
done:
    return rc;
}

static int series_pad_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const attributes *a = n->attributes;
    const image_part p = image_part_of_tensor(r->device, n->out[0]);
    const cost moved = {0, 4 * ((double)tensor_count(n->in[X]) + (double)tensor_count(n->out[0]))};
    TRY(image_part_kernel(r->device, &p, "series_pad", "series_pad", &k));
    TRY(LAUNCH(k, p.chunks, p.parts, (size_t)p.frames, (size_t)p.lanes, moved, arg_buffer(n->in[X]->data),
               arg_buffer(n->in[OFFSETS]->data), arg_buffer(n->out[0]->data), arg_int(a->dates), arg_int(p.pixels),
               arg_int(p.channels), arg_int(p.pixels_each), arg_int(p.team), arg_float(a->value)));
done:
    return rc;
}

static const op_def series_pad_def = {.name = "series_pad", .shape = series_pad_shape, .forward = series_pad_forward};

tensor *series_pad(net *n, tensor *x, tensor *offsets, int dates, float value)
{
    tensor *const in[INPUTS] = {x, offsets};
    const attributes a = {dates, value};
    node *recorded = net_record(n, &series_pad_def, in, INPUTS, INPUTS, &a, sizeof a);
    return recorded ? recorded->out[0] : NULL;
}
