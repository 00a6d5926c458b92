/* Group normalisation of every pixel's series, and the change to sequence order: see image.h.
 *
 *   n = (x - mean) / sqrt(var + 1e-5), mean and (biased) variance over the series' dates x the channels of a group;
 *   where `dates` is given, a series with fewer has the others too, every value of them pad_value
 *   y = n weight + bias
 *   dx = (g - mean(g) - n mean(g n)) / sqrt(var + 1e-5), g = dy weight (0 at the missing dates), means as above
 *   dweight = sum of dy n;  dbias = sum of dy
 *
 * Pixel p of patch b (T dates, frames from `first` on): x [F x H x W x C] has its date t in row (first + t) P + p, y in
 * row first P + p T + t, P = H W. Saved: mean and 1 / deviation of each series and group. The parameters' gradients are
 * parts of fixed blocks of series, added in order. */
#include "base/error.h"
#include "op/image.h"
#include "op/team.h"

enum { X, WEIGHT, BIAS, OFFSETS, INPUTS };
enum { TEAM_OF = 64, SEQUENCES_EACH = 4 /* a group's, at least */, GROUPS_MAX = 1024 };
enum { SCRATCH = 2, SCRATCH_BACK = 6 /* floats of local memory a channel, as in cl/series_norm.cl */ };

typedef struct plan {
    int sequences, pixels, channels, groups, length, each, blocks;
    double values;
    series_norm_options options;
    team_form form;
} plan;

/* Without offsets every frame is a patch of its own. */
static int patches_of(const node *n)
{
    return n->in[OFFSETS] ? sequence_count(n, OFFSETS) : n->in[X]->shape.size[0];
}

static buffer *offsets_of(const node *n)
{
    return n->in[OFFSETS] ? n->in[OFFSETS]->data : NULL;
}

static plan plan_of(const node *n, device *d)
{
    const shape s = n->in[X]->shape;
    plan p = {.pixels = s.size[1] * s.size[2], .channels = s.size[3], .values = (double)tensor_count(n->in[X])};
    p.options = *(const series_norm_options *)n->attributes;
    p.groups = p.options.groups;
    p.length = p.channels / p.groups;
    p.sequences = patches_of(n) * p.pixels;
    const int most = (int)team_groups(p.sequences, GROUPS_MAX);
    p.each = most > SEQUENCES_EACH ? most : SEQUENCES_EACH;
    p.blocks = (int)team_groups(p.sequences, p.each);
    p.form = team_form_of(d, TEAM_OF, p.channels);
    return p;
}

static int options_wanted(const node *n, series_norm_options o, int patches)
{
    const shape s = n->in[X]->shape;
    const int pixels = s.size[1] * s.size[2], channels = s.size[3];
    const size_t limit = device_about(node_device(n))->local_memory / (SCRATCH_BACK * sizeof(float));
    if (o.groups < 1 || channels % o.groups)
        return node_refuse(n, X, "has channels that %d groups cannot share equally", o.groups);
    if (o.dates < 0) return node_refuse(n, X, "counted as %d dates, wanted 0 (its own) or more", o.dates);
    if (pixels < 1 || s.size[0] > INT32_MAX / pixels || patches > INT32_MAX / pixels || pixels > INT32_MAX / channels)
        return node_refuse(n, X, "should have at least one pixel, and at most %d rows and values a frame", INT32_MAX);
    if ((size_t)channels > limit)
        return node_refuse(n, X, "has more channels than the %zu that the device's local memory holds", limit);
    return OK;
}

static int series_norm_shape(node *n)
{
    int rc = OK;
    TRY(matrix_wanted(n, X, "frames x height x width x channels"));
    if (n->in[X]->shape.rank != 4) return node_refuse(n, X, "should be frames x height x width x channels");
    TRY(settled_wanted(n, X));
    if (n->in[OFFSETS]) TRY(offsets_wanted(n, OFFSETS));
    TRY(options_wanted(n, *(const series_norm_options *)n->attributes, patches_of(n)));
    const plan p = plan_of(n, node_device(n));
    TRY(input_wanted(n, WEIGHT, ELEMENT_FLOAT, SHAPE(p.channels), "one a channel"));
    TRY(input_wanted(n, BIAS, ELEMENT_FLOAT, SHAPE(p.channels), "one a channel"));
    node_keep_input(n, X);
    node_keep_input(n, WEIGHT);
    if (n->in[OFFSETS]) node_keep_input(n, OFFSETS);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(tensor_rows(n->in[X]), p.channels)));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(p.sequences, p.groups, 2)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(p.blocks, 2, p.channels)));
done:
    return rc;
}

static size_t scratch_bytes(const plan *p, int columns)
{
    return (size_t)(columns * p->channels) * sizeof(float);
}

static int series_norm_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const plan p = plan_of(n, r->device);
    TRY(team_kernel(r->device, p.form, "series_norm", "", "series_norm", &k));
    TRY(LAUNCH(k, (size_t)p.blocks, 1, 1, (size_t)p.form.lanes, ((cost){8 * p.values, 8 * p.values}),
               arg_buffer(n->in[X]->data), arg_buffer(offsets_of(n)), arg_buffer(n->in[WEIGHT]->data),
               arg_buffer(n->in[BIAS]->data), arg_buffer(n->out[0]->data),
               arg_buffer(n->training ? n->saved[0]->data : NULL), arg_int(p.sequences), arg_int(p.pixels),
               arg_int(p.channels), arg_int(p.length), arg_int(p.options.dates), arg_float(p.options.pad_value),
               arg_int(p.each), arg_local(scratch_bytes(&p, SCRATCH))));
done:
    return rc;
}

static int series_norm_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const plan p = plan_of(n, r->device);
    buffer *part = n->work_back[0]->data;
    const bool trained = n->in[WEIGHT]->wants_gradient || n->in[BIAS]->wants_gradient;
    TRY(team_kernel(r->device, p.form, "series_norm", "", "series_norm_backward", &k));
    TRY(LAUNCH(k, (size_t)p.blocks, 1, 1, (size_t)p.form.lanes, ((cost){13 * p.values, 12 * p.values}),
               arg_buffer(n->in[X]->data), arg_buffer(offsets_of(n)), arg_buffer(n->in[WEIGHT]->data),
               arg_buffer(n->saved[0]->data), arg_buffer(n->out[0]->gradient),
               arg_buffer(n->in[X]->wants_gradient ? n->in[X]->gradient : NULL), arg_buffer(trained ? part : NULL),
               arg_int(p.sequences), arg_int(p.pixels), arg_int(p.channels), arg_int(p.length),
               arg_int(p.options.dates), arg_int(p.each), arg_int(n->accumulate[X]),
               arg_local(scratch_bytes(&p, SCRATCH_BACK))));
    for (int i = WEIGHT; i <= BIAS; i++)
        if (n->in[i]->wants_gradient)
            TRY(sum_parts(r->device, part, p.blocks, 2 * p.channels, (i - WEIGHT) * p.channels, p.channels,
                          n->in[i]->gradient, n->accumulate[i]));
done:
    return rc;
}

static const op_def series_norm_def = {"series_norm", series_norm_shape, series_norm_forward, series_norm_backward,
                                       NULL};

tensor *series_norm(net *n, tensor *x, tensor *offsets, tensor *weight, tensor *bias, series_norm_options options)
{
    tensor *const in[INPUTS] = {x, weight, bias, offsets};
    node *recorded = net_record(n, &series_norm_def, in, INPUTS, OFFSETS, &options, sizeof options);
    return recorded ? recorded->out[0] : NULL;
}
