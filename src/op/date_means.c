/* Means over the dates of series under shifts: see image.h; formulas: cl/date_means.cl.
 *
 * A convolution is linear: its mean over the dates is one convolution of these means, with the taps along the dates side
 * by side. Dates that are padding are left out of the mean, and met by the taps all the same. One launch each way. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "op/image.h"
#include "op/image_part.h"
#include "op/team.h"

enum { X, OFFSETS, INPUTS };

static int taps_of(const node *n)
{
    return *(const int *)n->attributes;
}

static int dates_of(const node *n)
{
    return n->in[X]->shape.size[0] / sequence_count(n, OFFSETS);
}

static int date_means_shape(node *n)
{
    int rc = OK;
    const int taps = taps_of(n);
    TRY(image_wanted(n, X));
    TRY(offsets_wanted(n, OFFSETS));
    const int series = sequence_count(n, OFFSETS);
    shape s = n->in[X]->shape;
    if (s.size[0] % series) return node_refuse(n, X, "should hold %d series of one length", series);
    if (taps < 1 || taps % 2 == 0) return node_refuse(n, X, "meets %d taps: wanted an odd number of them", taps);
    if (series > INT32_MAX / taps) return node_refuse(n, X, "has too many series");
    s.size[0] = series * taps;
    TRY(node_output(n, ELEMENT_FLOAT, s));
    node_keep_input(n, OFFSETS);
done:
    return rc;
}

static int means_kernel(device *d, const node *n, const image_part *p, const char *name, kernel **out)
{
    char options[80];
    image_part_options(p, options, sizeof options);
    snprintf(options + strlen(options), sizeof options - strlen(options), " -DTAPS=%d", taps_of(n));
    return kernel_get(d, "date_means", options, name, out);
}

static int date_means_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *x = n->in[X];
    const int *size = x->shape.size;
    const image_part p = image_part_of(r->device, sequence_count(n, OFFSETS), size[1] * size[2], size[3]);
    const double values = (double)tensor_count(x);
    TRY(means_kernel(r->device, n, &p, "date_means", &k));
    TRY(LAUNCH(k, p.chunks, p.parts, (size_t)p.frames, (size_t)p.lanes, ((cost){(2 + taps_of(n)) * values, 4 * values}),
               arg_buffer(x->data), arg_buffer(pending_scale_shift(x)), arg_int(pending_stride(x)),
               arg_float(x->pending ? relu_slope(x->pending->relu) : 1), arg_buffer(n->in[OFFSETS]->data),
               arg_buffer(n->out[0]->data), arg_int(dates_of(n)), arg_int(p.pixels), arg_int(p.channels),
               arg_int(p.pixels_each), arg_int(p.team)));
done:
    return rc;
}

static int date_means_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *x = n->in[X];
    const image_part p = image_part_of_tensor(r->device, x);
    const double values = (double)tensor_count(x);
    if (!x->wants_gradient) return OK;
    TRY(means_kernel(r->device, n, &p, "date_means_backward", &k));
    TRY(LAUNCH(k, p.chunks, p.parts, (size_t)p.frames, (size_t)p.lanes, ((cost){taps_of(n) * values, 4 * values}),
               arg_buffer(n->out[0]->gradient), arg_buffer(n->in[OFFSETS]->data), arg_buffer(x->gradient),
               arg_int(dates_of(n)), arg_int(p.pixels), arg_int(p.channels), arg_int(p.pixels_each), arg_int(p.team),
               arg_int(n->accumulate[X])));
done:
    return rc;
}

static const op_def date_means_def = {
    .name = "date_means", .shape = date_means_shape, .forward = date_means_forward, .backward = date_means_backward};

tensor *date_means(net *n, tensor *x, tensor *offsets, int taps)
{
    tensor *const in[INPUTS] = {x, offsets};
    node *recorded = net_record(n, &date_means_def, in, INPUTS, INPUTS, &taps, sizeof taps);
    return recorded ? recorded->out[0] : NULL;
}
