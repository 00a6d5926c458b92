/* centre_loss, size_loss, shape_loss and loss_sum: see panoptic.h for the formulas, cl/panoptic_loss.cl for kernels.
 * The first three are a sum over what counts: groups sum their rows, one more launch adds these in order. Saved: the
 * share of each in the loss. */
#include "base/error.h"
#include "op/image.h"
#include "op/panoptic.h"
#include "op/team.h"

enum { ROWS_EACH = 256 /* a group's, at least */, GROUPS_MAX = 256, LOSSES_MAX = 4 };

static const char *const program = "panoptic_loss";

static int rows_each(int rows)
{
    const int most = (int)team_groups(rows, GROUPS_MAX);
    return most > ROWS_EACH ? most : ROWS_EACH;
}

static int groups_of(int rows)
{
    return (int)team_groups(rows, rows_each(rows));
}

static team_form form_of(const device *d)
{
    return team_form_of(d, 1, 1);
}

static int get(device *d, const char *name, kernel **out)
{
    return team_kernel(d, form_of(d), program, "", name, out);
}

/* For shape(): the loss, room for `parts` sums, and the share. */
static int loss_outputs(node *n, int parts)
{
    int rc = OK;
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(1)));
    TRY(node_work(n, ELEMENT_FLOAT, SHAPE(parts, 2)));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(1)));
done:
    return rc;
}

static int total(node *n, device *d, int parts, float otherwise)
{
    kernel *k = NULL;
    int rc = get(d, "loss_total", &k);
    return rc ? rc
              : LAUNCH(k, 1, 1, 1, 1, ((cost){2.0 * parts, 8.0 * parts}), arg_buffer(n->work[0]->data), arg_int(parts),
                       arg_buffer(n->out[0]->data), arg_buffer(n->training ? n->saved[0]->data : NULL),
                       arg_float(otherwise));
}

/* ---- centres ------------------------------------------------------------------------------------------------------- */

static int centre_shape(node *n)
{
    int rc = OK;
    const tensor *heat = n->in[0];
    const float beta = *(const float *)n->attributes;
    if (heat->element != ELEMENT_FLOAT || !tensor_count(heat)) return node_refuse(n, 0, "holds no probabilities");
    TRY(settled_wanted(n, 0));
    if (n->in[1]->element != ELEMENT_FLOAT || tensor_count(n->in[1]) != tensor_count(heat))
        return node_refuse(n, 1, "should be %zu reals: the heat of each pixel", tensor_count(heat));
    if (!(beta >= 0)) return node_refuse(n, 0, "is weighed with beta %g, wanted 0 or more", (double)beta);
    node_keep_input(n, 0);
    node_keep_input(n, 1);
    TRY(loss_outputs(n, groups_of((int)tensor_count(heat))));
done:
    return rc;
}

static int centre_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int rows = (int)tensor_count(n->in[0]), groups = groups_of(rows);
    TRY(get(r->device, "centre_rows", &k));
    TRY(LAUNCH(k, (size_t)groups, 1, 1, (size_t)form_of(r->device).lanes, ((cost){5.0 * rows, 8.0 * rows}),
               arg_buffer(n->in[0]->data), arg_buffer(n->in[1]->data), arg_buffer(n->work[0]->data), arg_int(rows),
               arg_int(rows_each(rows)), arg_float(*(const float *)n->attributes)));
    TRY(total(n, r->device, groups, 1));
done:
    return rc;
}

static int centre_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int rows = (int)tensor_count(n->in[0]);
    if (!n->in[0]->wants_gradient) return OK;
    TRY(get(r->device, "centre_backward", &k));
    TRY(LAUNCH(k, (size_t)groups_of(rows), 1, 1, (size_t)form_of(r->device).lanes, ((cost){5.0 * rows, 12.0 * rows}),
               arg_buffer(n->in[0]->data), arg_buffer(n->in[1]->data), arg_buffer(n->saved[0]->data),
               arg_buffer(n->out[0]->gradient), arg_buffer(n->in[0]->gradient), arg_int(rows), arg_int(rows_each(rows)),
               arg_float(*(const float *)n->attributes), arg_int(n->accumulate[0])));
done:
    return rc;
}

static const op_def centre_loss_def = {"centre_loss", centre_shape, centre_forward, centre_backward, NULL};

tensor *centre_loss(net *n, tensor *heatmap, tensor *target, float beta)
{
    tensor *const in[] = {heatmap, target};
    node *recorded = net_record(n, &centre_loss_def, in, 2, 2, &beta, sizeof beta);
    return recorded ? recorded->out[0] : NULL;
}

/* ---- sizes --------------------------------------------------------------------------------------------------------- */

static int size_shape(node *n)
{
    int rc = OK;
    const int rows = tensor_rows(n->in[0]);
    if (rows < 1) return node_refuse(n, 0, "has no rows");
    TRY(input_wanted(n, 0, ELEMENT_FLOAT, SHAPE(rows, 2), "height and width"));
    TRY(input_wanted(n, 1, ELEMENT_FLOAT, SHAPE(rows, 2), "true height and width"));
    node_keep_input(n, 0);
    node_keep_input(n, 1);
    TRY(loss_outputs(n, groups_of(rows)));
done:
    return rc;
}

static int size_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int rows = tensor_rows(n->in[0]), groups = groups_of(rows);
    TRY(get(r->device, "size_rows", &k));
    TRY(LAUNCH(k, (size_t)groups, 1, 1, (size_t)form_of(r->device).lanes, ((cost){9.0 * rows, 16.0 * rows}),
               arg_buffer(n->in[0]->data), arg_buffer(n->in[1]->data), arg_buffer(n->work[0]->data), arg_int(rows),
               arg_int(rows_each(rows))));
    TRY(total(n, r->device, groups, 0));
done:
    return rc;
}

static int size_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int values = (int)tensor_count(n->in[0]), lanes = form_of(r->device).lanes;
    if (!n->in[0]->wants_gradient) return OK;
    TRY(get(r->device, "size_backward", &k));
    TRY(LAUNCH(k, team_groups(values, lanes), 1, 1, (size_t)lanes, ((cost){4.0 * values, 12.0 * values}),
               arg_buffer(n->in[0]->data), arg_buffer(n->in[1]->data), arg_buffer(n->saved[0]->data),
               arg_buffer(n->out[0]->gradient), arg_buffer(n->in[0]->gradient), arg_int(values),
               arg_int(n->accumulate[0])));
done:
    return rc;
}

static const op_def size_loss_def = {"size_loss", size_shape, size_forward, size_backward, NULL};

tensor *size_loss(net *n, tensor *size, tensor *target)
{
    tensor *const in[] = {size, target};
    node *recorded = net_record(n, &size_loss_def, in, 2, 2, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}

/* ---- shapes -------------------------------------------------------------------------------------------------------- */

enum { MASKS, INSTANCES, CROPS, PARCELS, SHAPE_INPUTS };

static int shape_shape(node *n)
{
    int rc = OK;
    const int values = tensor_rows(n->in[MASKS]), count = tensor_rows(n->in[CROPS]);
    if (values < 1) return node_refuse(n, MASKS, "has no values");
    if (count < 1) return node_refuse(n, CROPS, "has no crops");
    TRY(input_wanted(n, MASKS, ELEMENT_FLOAT, SHAPE(values, 1), "the crops' values"));
    if (n->in[INSTANCES]->element != ELEMENT_INT || n->in[INSTANCES]->shape.rank != 3)
        return node_refuse(n, INSTANCES, "should be patches x height x width integers: the parcel of each pixel");
    TRY(input_wanted(n, CROPS, ELEMENT_INT, SHAPE(count, CROP_INTS), "a crop a row"));
    TRY(input_wanted(n, PARCELS, ELEMENT_INT, SHAPE(count), "the parcel of each crop"));
    for (int i = 0; i < SHAPE_INPUTS; i++) node_keep_input(n, i);
    TRY(loss_outputs(n, count));
done:
    return rc;
}

static argument image_side(const node *n, int axis)
{
    return arg_int(n->in[INSTANCES]->shape.size[axis]);
}

static int shape_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const double values = tensor_rows(n->in[MASKS]);
    const int count = tensor_rows(n->in[CROPS]);
    TRY(get(r->device, "shape_rows", &k));
    TRY(LAUNCH(k, (size_t)count, 1, 1, (size_t)form_of(r->device).lanes, ((cost){6 * values, 8 * values}),
               arg_buffer(n->in[MASKS]->data), arg_buffer(n->in[INSTANCES]->data), arg_buffer(n->in[CROPS]->data),
               arg_buffer(n->in[PARCELS]->data), arg_buffer(n->work[0]->data), image_side(n, 1), image_side(n, 2)));
    TRY(total(n, r->device, count, 0));
done:
    return rc;
}

static int shape_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const double values = tensor_rows(n->in[MASKS]);
    if (!n->in[MASKS]->wants_gradient) return OK;
    TRY(get(r->device, "shape_backward", &k));
    TRY(LAUNCH(k, (size_t)tensor_rows(n->in[CROPS]), 1, 1, (size_t)form_of(r->device).lanes,
               ((cost){6 * values, 12 * values}), arg_buffer(n->in[MASKS]->data), arg_buffer(n->in[INSTANCES]->data),
               arg_buffer(n->in[CROPS]->data), arg_buffer(n->in[PARCELS]->data), arg_buffer(n->saved[0]->data),
               arg_buffer(n->out[0]->gradient), arg_buffer(n->in[MASKS]->gradient), image_side(n, 1), image_side(n, 2),
               arg_int(n->accumulate[MASKS])));
done:
    return rc;
}

static const op_def shape_loss_def = {"shape_loss", shape_shape, shape_forward, shape_backward, NULL};

tensor *shape_loss(net *n, tensor *masks, tensor *instances, tensor *crops, tensor *parcels)
{
    tensor *const in[SHAPE_INPUTS] = {masks, instances, crops, parcels};
    node *recorded = net_record(n, &shape_loss_def, in, SHAPE_INPUTS, SHAPE_INPUTS, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}

/* ---- their sum ----------------------------------------------------------------------------------------------------- */

static int sum_shape(node *n)
{
    int rc = OK;
    bool any = false;
    for (int i = 0; i < n->inputs; i++) {
        TRY(input_wanted(n, i, ELEMENT_FLOAT, SHAPE(1), "a loss"));
        any = any || n->in[i];
    }
    if (!any) return node_refuse(n, 0, "is the first of no losses; wanted at least one");
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(1)));
done:
    return rc;
}

static argument loss_of(const node *n, int i)
{
    return arg_buffer(n->in[i] ? n->in[i]->data : NULL);
}

static int sum_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const float *c = n->attributes;
    TRY(get(r->device, "loss_sum", &k));
    TRY(LAUNCH(k, 1, 1, 1, 1, ((cost){8, 20}), loss_of(n, 0), arg_float(c[0]), loss_of(n, 1), arg_float(c[1]),
               loss_of(n, 2), arg_float(c[2]), loss_of(n, 3), arg_float(c[3]), arg_buffer(n->out[0]->data)));
done:
    return rc;
}

static int sum_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const float *c = n->attributes;
    TRY(get(r->device, "loss_sum_backward", &k));
    for (int i = 0; i < n->inputs; i++)
        if (n->in[i] && n->in[i]->wants_gradient)
            TRY(LAUNCH(k, 1, 1, 1, 1, ((cost){2, 12}), arg_buffer(n->out[0]->gradient), arg_float(c[i]),
                       arg_buffer(n->in[i]->gradient), arg_int(n->accumulate[i])));
done:
    return rc;
}

static const op_def loss_sum_def = {"loss_sum", sum_shape, sum_forward, sum_backward, NULL};

tensor *loss_sum(net *n, tensor *const *loss, const float *coefficient, int count)
{
    tensor *in[LOSSES_MAX] = {NULL};
    float coefficients[LOSSES_MAX] = {0};
    if (count > LOSSES_MAX) panic("the sum of %d losses", count);
    for (int i = 0; i < count; i++) {
        in[i] = loss[i];
        coefficients[i] = coefficient[i];
    }
    node *recorded = net_record(n, &loss_sum_def, in, LOSSES_MAX, 0, coefficients, sizeof coefficients);
    return recorded ? recorded->out[0] : NULL;
}
