/* What a crop's mask starts from: its shape, resampled to its box, and the saliency below; see panoptic.h.
 *
 * Place i of a box of `length` falls at (i + 1/2) S / length - 1/2 among the S cells of a side, held within 0 .. S - 1
 * (align_corners false); a cell weighs max(0, 1 - distance) there, along rows and columns:
 *   shape value s = sum over cells of row weight x column weight x cell
 *   y = s + q, or sigmoid(s) sigmoid(q), q the saliency
 * Backward goes through the transposes: each cell sums over the places near it, each pixel over the crops that cover it,
 * both in order. The gate's slopes are written once a value first, since both read them several times. */
#include "base/error.h"
#include "op/image.h"
#include "op/panoptic.h"
#include "op/team.h"

enum { SHAPES, SALIENCY, CROPS, INPUTS };
enum { TO_SHAPE, TO_SALIENCY /* work_back, of a gate: the gradients at each value */ };

typedef struct crop_options {
    int values;
    enum crop_form form;
} crop_options;

typedef struct plan {
    int crops, side, values, patches, height, width;
    bool gate;
    team_form form;
    int block; /* pixels a side that an item of the saliency's gradient owns */
} plan;

static plan plan_of(const node *n, const device *d)
{
    const crop_options *o = n->attributes;
    const int *image = n->in[SALIENCY]->shape.size;
    plan p = {.crops = tensor_rows(n->in[SHAPES]), .values = o->values, .gate = o->form == CROP_GATE};
    const int cells = tensor_channels(n->in[SHAPES]);
    while ((p.side + 1) * (p.side + 1) <= cells) p.side++;
    p.patches = image[0];
    p.height = image[1];
    p.width = image[2];
    p.form = team_form_of(d, 1, p.side);
    p.block = p.form.lanes == 1 ? 16 : 1;
    return p;
}

/* The kernel, in this form. */
static int crop_kernel(device *d, const plan *p, const char *name, kernel **out)
{
    return team_kernel(d, p->form, "crop_values",
                       p->gate        ? p->block > 1 ? " -DGATE=1 -DBLOCK=16" : " -DGATE=1 -DBLOCK=1"
                       : p->block > 1 ? " -DGATE=0 -DBLOCK=16"
                                      : " -DGATE=0 -DBLOCK=1",
                       name, out);
}

static int crop_values_shape(node *n)
{
    int rc = OK;
    enum { SIDE_MAX = 1024 };
    const tensor *s = n->in[SALIENCY];
    const int values = ((const crop_options *)n->attributes)->values;
    if (tensor_count(n->in[SHAPES]) < 1) return node_refuse(n, SHAPES, "has no crop: such a batch has no masks");
    TRY(matrix_wanted(n, SHAPES, "crops x cells"));
    if (s->element != ELEMENT_FLOAT || s->shape.rank != 4 || tensor_channels(s) != 1)
        return node_refuse(n, SALIENCY, "should be patches x height x width x 1 of reals");
    for (int i = SHAPES; i <= SALIENCY; i++) TRY(settled_wanted(n, i));
    const plan p = plan_of(n, node_device(n));
    if (p.side * p.side != tensor_channels(n->in[SHAPES]) || p.side > SIDE_MAX)
        return node_refuse(n, SHAPES, "should have a square of cells, of at most %d a side", SIDE_MAX);
    if (tensor_count(s) > INT32_MAX) return node_refuse(n, SALIENCY, "should have at most %d pixels", INT32_MAX);
    TRY(input_wanted(n, CROPS, ELEMENT_INT, SHAPE(p.crops, CROP_INTS), "a line for each shape"));
    if (values < 1) return node_refuse(n, CROPS, "has %d values in all, wanted 1 or more", values);
    for (int i = SHAPES; i <= SALIENCY && p.gate; i++) node_keep_input(n, i);
    node_keep_input(n, CROPS);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(values, 1)));
    for (int k = TO_SHAPE; k <= TO_SALIENCY && p.gate; k++) TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(values)));
done:
    return rc;
}

static int crop_values_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const plan p = plan_of(n, r->device);
    const cost work = {(p.gate ? 35.0 : 25.0) * p.values, 12.0 * p.values};
    TRY(crop_kernel(r->device, &p, "crop_values", &k));
    TRY(LAUNCH(k, (size_t)p.crops, 1, 1, (size_t)p.form.lanes, work, arg_buffer(n->in[SHAPES]->data),
               arg_buffer(n->in[SALIENCY]->data), arg_buffer(n->in[CROPS]->data), arg_buffer(n->out[0]->data),
               arg_int(p.side), arg_int(p.height), arg_int(p.width)));
done:
    return rc;
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* A gate's gradients at each value, of the resampled shape and of the saliency. */
static int slopes(node *n, device *d, const plan *p)
{
    int rc = OK;
    kernel *k = NULL;
    TRY(crop_kernel(d, p, "crop_slopes", &k));
    TRY(LAUNCH(k, (size_t)p->crops, 1, 1, (size_t)p->form.lanes, ((cost){40.0 * p->values, 20.0 * p->values}),
               arg_buffer(n->in[SHAPES]->data), arg_buffer(n->in[SALIENCY]->data), arg_buffer(n->in[CROPS]->data),
               arg_buffer(n->out[0]->gradient), arg_buffer(n->work_back[TO_SHAPE]->data),
               arg_buffer(n->work_back[TO_SALIENCY]->data), arg_int(p->side), arg_int(p->height), arg_int(p->width)));
done:
    return rc;
}

static int shape_gradient(node *n, device *d, const plan *p, buffer *values)
{
    int rc = OK;
    kernel *k = NULL;
    TRY(crop_kernel(d, p, "crop_shape_gradient", &k));
    TRY(LAUNCH(k, (size_t)p->crops, 1, 1, (size_t)p->form.lanes, ((cost){16.0 * p->values, 8.0 * p->values}),
               arg_buffer(n->in[CROPS]->data), arg_buffer(values), arg_buffer(n->in[SHAPES]->gradient),
               arg_int(p->side), arg_int(n->accumulate[SHAPES])));
done:
    return rc;
}

static int saliency_gradient(node *n, device *d, const plan *p, buffer *values)
{
    int rc = OK;
    kernel *k = NULL;
    const size_t blocks = team_groups(p->height, p->block) * team_groups(p->width, p->block);
    TRY(crop_kernel(d, p, "crop_saliency_gradient", &k));
    TRY(LAUNCH(k, (blocks + (size_t)p->form.lanes - 1) / (size_t)p->form.lanes, (size_t)p->patches, 1,
               (size_t)p->form.lanes, ((cost){p->values, 12.0 * p->values}), arg_buffer(n->in[CROPS]->data),
               arg_int(p->crops), arg_buffer(values), arg_buffer(n->in[SALIENCY]->gradient), arg_int(p->height),
               arg_int(p->width), arg_int(n->accumulate[SALIENCY])));
done:
    return rc;
}

static int crop_values_backward(node *n, const run *r)
{
    int rc = OK;
    const plan p = plan_of(n, r->device);
    buffer *dy = n->out[0]->gradient;
    if (p.gate) TRY(slopes(n, r->device, &p));
    if (n->in[SHAPES]->wants_gradient)
        TRY(shape_gradient(n, r->device, &p, p.gate ? n->work_back[TO_SHAPE]->data : dy));
    if (n->in[SALIENCY]->wants_gradient)
        TRY(saliency_gradient(n, r->device, &p, p.gate ? n->work_back[TO_SALIENCY]->data : dy));
done:
    return rc;
}

static const op_def crop_values_def = {"crop_values", crop_values_shape, crop_values_forward, crop_values_backward,
                                       NULL};

tensor *crop_values(net *n, tensor *shapes, tensor *saliency, tensor *crops, int values, enum crop_form form)
{
    tensor *const in[INPUTS] = {shapes, saliency, crops};
    const crop_options options = {values, form};
    node *recorded = net_record(n, &crop_values_def, in, INPUTS, INPUTS, &options, sizeof options);
    return recorded ? recorded->out[0] : NULL;
}
