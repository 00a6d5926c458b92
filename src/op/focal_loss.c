/* Focal loss (Lin et al. 2017) as the published FocalLoss takes it: see op.h.
 *
 *   loss = sum of w_t (1 - p_t)^gamma (-log p_t) / sum of w_t over the rows, p = softmax(logits), t the target
 *   dlogits = w_t (1 - p_t)^gamma / (sum of w) (p - onehot(t)) dloss: the factor is not differentiated
 *
 * logits [rows x C], target [rows] (int), class_weight [C] optional, without gradient. Blocks of rows are summed apart
 * and added in order. Saved: 1 / sum of w. When no row weighs anything the loss and its gradient are 0. */
#include "base/error.h"
#include "op/op.h"
#include "op/team.h"

enum { LOGITS, TARGET, CLASS_WEIGHT, INPUTS };
enum { ROWS_EACH = 64 /* a group's, at least */, GROUPS_MAX = 1024 };

static int rows_each(int rows)
{
    const int most = (int)team_groups(rows, GROUPS_MAX);
    return most > ROWS_EACH ? most : ROWS_EACH;
}

static int groups_of(int rows)
{
    return (int)team_groups(rows, rows_each(rows));
}

static int focal_loss_shape(node *n)
{
    int rc = OK;
    const tensor *weight = n->in[CLASS_WEIGHT];
    const int rows = tensor_rows(n->in[LOGITS]), classes = tensor_channels(n->in[LOGITS]);
    const float gamma = *(const float *)n->attributes;
    if (n->in[LOGITS]->element != ELEMENT_FLOAT || rows < 1 || classes < 1)
        return node_refuse(n, LOGITS, "should be rows x classes of reals, at least one of each");
    if (n->in[TARGET]->element != ELEMENT_INT || tensor_count(n->in[TARGET]) != (size_t)rows)
        return node_refuse(n, TARGET, "should be %d integers: a class a row", rows);
    TRY(input_wanted(n, CLASS_WEIGHT, ELEMENT_FLOAT, SHAPE(classes), "one a class"));
    if (weight && weight->wants_gradient) return node_refuse(n, CLASS_WEIGHT, "is to be trained: it takes no gradient");
    if (!(gamma >= 0)) return node_refuse(n, LOGITS, "focussed with gamma %g, wanted 0 or more", (double)gamma);
    node_keep_input(n, LOGITS);
    node_keep_input(n, TARGET);
    if (weight) node_keep_input(n, CLASS_WEIGHT);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(1)));
    TRY(node_work(n, ELEMENT_FLOAT, SHAPE(groups_of(rows), 2)));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(1)));
done:
    return rc;
}

static argument class_weight(const node *n)
{
    return arg_buffer(n->in[CLASS_WEIGHT] ? n->in[CLASS_WEIGHT]->data : NULL);
}

static int focal_loss_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *rowwise = NULL, *total = NULL;
    const int rows = tensor_rows(n->in[LOGITS]), classes = tensor_channels(n->in[LOGITS]), groups = groups_of(rows);
    const double values = (double)rows * classes;
    const team_form f = team_form_of(r->device, 1, classes);
    TRY(team_kernel(r->device, f, "focal_loss", "", "focal_rows", &rowwise));
    TRY(LAUNCH(rowwise, (size_t)groups, 1, 1, (size_t)f.lanes, ((cost){4 * values, 4 * values}),
               arg_buffer(n->in[LOGITS]->data), arg_buffer(n->in[TARGET]->data), class_weight(n),
               arg_buffer(n->work[0]->data), arg_int(rows), arg_int(classes), arg_int(rows_each(rows)),
               arg_float(*(const float *)n->attributes)));
    TRY(team_kernel(r->device, f, "focal_loss", "", "focal_total", &total));
    TRY(LAUNCH(total, 1, 1, 1, 1, ((cost){2.0 * groups, 8.0 * groups}), arg_buffer(n->work[0]->data), arg_int(groups),
               arg_buffer(n->out[0]->data), arg_buffer(n->training ? n->saved[0]->data : NULL)));
done:
    return rc;
}

static int focal_loss_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int rows = tensor_rows(n->in[LOGITS]), classes = tensor_channels(n->in[LOGITS]);
    const double values = (double)rows * classes;
    const team_form f = team_form_of(r->device, 1, classes);
    if (!n->in[LOGITS]->wants_gradient) return OK;
    TRY(team_kernel(r->device, f, "focal_loss", "", "focal_backward", &k));
    TRY(LAUNCH(k, (size_t)groups_of(rows), 1, 1, (size_t)f.lanes, ((cost){6 * values, 8 * values}),
               arg_buffer(n->in[LOGITS]->data), arg_buffer(n->in[TARGET]->data), class_weight(n),
               arg_buffer(n->saved[0]->data), arg_buffer(n->out[0]->gradient), arg_buffer(n->in[LOGITS]->gradient),
               arg_int(rows), arg_int(classes), arg_int(rows_each(rows)), arg_float(*(const float *)n->attributes),
               arg_int(n->accumulate[LOGITS])));
done:
    return rc;
}

static const op_def focal_loss_def = {"focal_loss", focal_loss_shape, focal_loss_forward, focal_loss_backward, NULL};

tensor *focal_loss(net *n, tensor *logits, tensor *target, tensor *class_weight, float gamma)
{
    tensor *const in[INPUTS] = {logits, target, class_weight};
    node *recorded = net_record(n, &focal_loss_def, in, INPUTS, TARGET + 1, &gamma, sizeof gamma);
    return recorded ? recorded->out[0] : NULL;
}
