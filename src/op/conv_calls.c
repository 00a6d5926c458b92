#include "op/conv_calls.h"

typedef conv_attributes attributes;

/* ---- the two images --------------------------------------------------------------------------------------------- */

/* Images by themselves are series of one date. */
typedef struct image {
    int dates, height, width, channels;
} image;

/* The ordinary convolution's input and output, whichever of them is x. */
typedef struct sides {
    int series;
    image fine, coarse;
} sides;

bool conv_is_3d(const node *n)
{
    return ((const attributes *)n->attributes)->series.dates != 0;
}

static int coarse_along(int size, int padding, const conv_options *o)
{
    return (size + 2 * padding - o->kernel) / o->stride + 1;
}

int conv_fine_along(int size, const conv_options *o)
{
    return (size - 1) * o->stride - 2 * o->padding + o->kernel;
}

/* Along the dates of convolutions in three dimensions, `given` being that of x and `other` that of the other image. */
static void sides_along_dates(const node *n, sides *s, image *given, image *other)
{
    const attributes *a = n->attributes;
    const conv_options *o = &a->options;
    given->dates = a->series.dates;
    s->series /= given->dates;
    if (!a->transposed) {
        other->dates = coarse_along(given->dates, a->series.padding, o);
        return;
    }
    other->dates = given->dates * o->stride;
    other->height = given->height * o->stride;
    other->width = given->width * o->stride;
}

/* The weight is [coarse channels x fine channels x kernel x kernel] either way. */
static sides sides_of(const node *n)
{
    const attributes *a = n->attributes;
    const conv_options *o = &a->options;
    const int *x = n->in[CONV_X]->shape.size, *weight = n->in[CONV_WEIGHT]->shape.size;
    sides s = {.series = x[0]};
    image *given = a->transposed ? &s.coarse : &s.fine, *other = a->transposed ? &s.fine : &s.coarse;
    *given = (image){1, x[1], x[2], x[3]};
    *other = a->transposed
                 ? (image){1, conv_fine_along(x[1], o), conv_fine_along(x[2], o), weight[1]}
                 : (image){1, coarse_along(x[1], o->padding, o), coarse_along(x[2], o->padding, o), weight[0]};
    if (conv_is_3d(n)) sides_along_dates(n, &s, given, other);
    return s;
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

/* Along the dates, from fine to coarse. */
static conv_dates dates_to_coarse(const node *n)
{
    const attributes *a = n->attributes;
    const sides s = sides_of(n);
    if (!conv_is_3d(n)) return (conv_dates){0};
    return (conv_dates){.taps = a->options.kernel,
                        .x_dates = s.fine.dates,
                        .y_dates = s.coarse.dates,
                        .step = a->options.stride,
                        .first = -a->series.padding,
                        .y_step = 1,
                        .weight_taps = a->options.kernel,
                        .weight_step = 1};
}

/* From coarse to fine, of every stride-th date the one numbered `phase`, which meets every stride-th tap: tap k leads
 * from coarse date i to fine date i stride - padding + k. The last of these taps meets the first of the coarse dates. */
static conv_dates dates_to_fine(const node *n, int phase)
{
    const attributes *a = n->attributes;
    const sides s = sides_of(n);
    const int taps = a->options.kernel, stride = a->options.stride, padding = a->series.padding;
    const int first = (phase + padding) % stride, last = first + (taps - 1 - first) / stride * stride;
    if (!conv_is_3d(n)) return (conv_dates){0};
    return (conv_dates){.taps = (last - first) / stride + 1,
                        .x_dates = s.coarse.dates,
                        .y_dates = s.fine.dates / stride,
                        .step = 1,
                        .first = (phase + padding - last) / stride,
                        .y_step = stride,
                        .y_first = phase,
                        .weight_taps = taps,
                        .weight_first = last,
                        .weight_step = -stride};
}

/* From fine to coarse: an ordinary convolution. */
static conv_call call_to_coarse(const node *n)
{
    const conv_options *o = &((const attributes *)n->attributes)->options;
    const sides s = sides_of(n);
    return (conv_call){.frames = s.series * s.coarse.dates,
                       .height = s.fine.height,
                       .width = s.fine.width,
                       .inputs = s.fine.channels,
                       .out_height = s.coarse.height,
                       .out_width = s.coarse.width,
                       .outputs = s.coarse.channels,
                       .dates = dates_to_coarse(n),
                       .kernel = o->kernel,
                       .stride = o->stride,
                       .dilation = 1,
                       .padding = o->padding,
                       .mode = o->mode,
                       .weights = CONV_WEIGHTS};
}

/* From coarse to fine: the coarse image on a grid of the stride's step, convolved with the transposed weights. */
static conv_call call_to_fine(const node *n, int phase)
{
    const conv_options *o = &((const attributes *)n->attributes)->options;
    const sides s = sides_of(n);
    const conv_dates dates = dates_to_fine(n, phase);
    return (conv_call){.frames = s.series * (dates.taps ? dates.y_dates : 1),
                       .height = s.coarse.height,
                       .width = s.coarse.width,
                       .inputs = s.coarse.channels,
                       .out_height = s.fine.height,
                       .out_width = s.fine.width,
                       .outputs = s.fine.channels,
                       .dates = dates,
                       .kernel = o->kernel,
                       .stride = 1,
                       .dilation = o->stride,
                       .padding = o->kernel - 1 - o->padding,
                       .mode = PADDING_ZEROS,
                       .weights = CONV_WEIGHTS_TRANSPOSED};
}

/* How many calls the way takes. */
int conv_phases(const node *n, bool to_fine)
{
    return to_fine && conv_is_3d(n) ? ((const attributes *)n->attributes)->options.stride : 1;
}

static bool is_transposed(const node *n)
{
    return ((const attributes *)n->attributes)->transposed;
}

/* Forward, without y and what depends on it. */
conv_call conv_forward_call(const node *n, int phase)
{
    const tensor *x = n->in[CONV_X];
    conv_call c = is_transposed(n) ? call_to_fine(n, phase) : call_to_coarse(n);
    c.x = x->data;
    c.weight = n->in[CONV_WEIGHT]->data;
    c.bias = n->in[CONV_BIAS] ? n->in[CONV_BIAS]->data : NULL;
    c.pending = pending_options(x);
    c.scale_shift = pending_scale_shift(x);
    c.scale_stride = pending_stride(x);
    return c;
}

/* The other way. dy is the gradient of y and dx that of x's value, norm applied: dx knows nothing of x's norm. */
conv_call conv_data_gradient_call(const node *n, int phase)
{
    conv_call c = is_transposed(n) ? call_to_coarse(n) : call_to_fine(n, phase);
    c.x = n->out[CONV_Y]->gradient;
    c.weight = n->in[CONV_WEIGHT]->data;
    c.y = n->in[CONV_X]->gradient;
    c.pending = "";
    c.accumulate = n->accumulate[CONV_X];
    return c;
}

/* Of the ordinary convolution, whose input and output gradient are x and dy, or dy and x. The bias's gradient comes
 * with it where dy is the output's. */
conv_weight_call conv_weight_gradient_call(const node *n)
{
    const attributes *a = n->attributes;
    const conv_call ordinary = call_to_coarse(n);
    const tensor *x = n->in[CONV_X], *bias = n->in[CONV_BIAS];
    buffer *dy = n->out[CONV_Y]->gradient;
    return (conv_weight_call){.frames = ordinary.frames,
                              .height = ordinary.height,
                              .width = ordinary.width,
                              .inputs = ordinary.inputs,
                              .out_height = ordinary.out_height,
                              .out_width = ordinary.out_width,
                              .outputs = ordinary.outputs,
                              .dates = ordinary.dates,
                              .kernel = ordinary.kernel,
                              .stride = ordinary.stride,
                              .padding = ordinary.padding,
                              .mode = ordinary.mode,
                              .x = a->transposed ? dy : x->data,
                              .dy = a->transposed ? x->data : dy,
                              .dweight = n->in[CONV_WEIGHT]->gradient,
                              .dbias = bias && !a->transposed ? bias->gradient : NULL,
                              .pending = pending_options(x),
                              .scale_shift = pending_scale_shift(x),
                              .scale_stride = pending_stride(x),
                              .pending_is_dy = a->transposed,
                              .exact = a->options.exact,
                              .accumulate_weight = n->accumulate[CONV_WEIGHT],
                              .accumulate_bias = n->accumulate[CONV_BIAS]};
}
