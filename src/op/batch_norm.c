/* Batch normalisation over all rows (Ioffe and Szegedy 2015), as torch.nn.BatchNorm1d: eps 1e-5, momentum 0.1, the
 * running variance unbiased.  x [rows x C], the four vectors [C] -> y [rows x C] = relu?(xhat weight + bias).
 *
 * Evaluating, and frozen: xhat by the running statistics. Training: by the batch's (2 rows or more), and the running
 * ones move.
 * Formulas: cl/batch_norm.cl. Launches: evaluating 1; training, forward as backward, 1 for few rows, else 3. */
#include "base/error.h"
#include "op/norm.h"
#include "op/op.h"

enum { X, WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, INPUTS };
enum { STATISTICS };  /* saved */
enum { MOMENTS };     /* work */
enum { SUMS, MEANS }; /* work in backward */

typedef struct attributes {
    bool relu;
    bool frozen; /* by the running statistics when training too */
} attributes;

static bool is_frozen(const node *n)
{
    return ((const attributes *)n->attributes)->frozen;
}

static int batch_norm_shape(node *n)
{
    int rc = OK;
    const tensor *x = n->in[X];
    const int rows = tensor_rows(x), channels = tensor_channels(x);
    if (x->element != ELEMENT_FLOAT || !tensor_count(x)) return node_refuse(n, X, "holds no real values");
    for (int i = WEIGHT; i < INPUTS; i++)
        if (tensor_count(n->in[i]) != (size_t)channels)
            return node_refuse(n, i, "is no vector of %d channels", channels);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(rows, channels)));
    if (!n->training) goto done;
    node_keep_input(n, X);
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(2, channels)));
    if (is_frozen(n)) goto done;
    if (rows < 2) return node_refuse(n, WEIGHT, "batch norm needs at least 2 rows when training");
    const int chunks = norm_chunks(node_device(n), rows);
    TRY(node_work(n, ELEMENT_FLOAT, SHAPE(chunks, 2, channels)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(chunks, 2, channels)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(2, channels)));
done:
    return rc;
}

static norm_call call_of(node *n)
{
    const attributes *a = n->attributes;
    return (norm_call){
        .rows = tensor_rows(n->in[X]),
        .columns = tensor_channels(n->in[X]),
        .relu = a->relu,
        .z = n->in[X]->data,
        .y = n->out[0]->data,
        .weight = n->in[WEIGHT]->data,
        .bias = n->in[BIAS]->data,
        .running_mean = n->in[RUNNING_MEAN]->data,
        .running_var = n->in[RUNNING_VAR]->data,
        .statistics = n->training ? n->saved[STATISTICS]->data : NULL,
        .moments = n->training && !a->frozen ? n->work[MOMENTS]->data : NULL,
    };
}

static int batch_norm_forward(node *n, const run *r)
{
    const norm_call c = call_of(n);
    if (!n->training) return norm_evaluate(r->device, &c);
    return is_frozen(n) ? norm_frozen(r->device, &c) : norm_train(r->device, &c, false);
}

static int batch_norm_backward(node *n, const run *r)
{
    const norm_call c = call_of(n);
    const norm_gradients g = {
        .dy = n->out[0]->gradient,
        .dz = n->in[X]->gradient,
        .weight = n->in[WEIGHT]->gradient,
        .bias = n->in[BIAS]->gradient,
        .add_z = n->accumulate[X],
        .add_weight = n->accumulate[WEIGHT],
        .add_bias = n->accumulate[BIAS],
        .frozen = is_frozen(n),
        .sums = is_frozen(n) ? NULL : n->work_back[SUMS]->data,
        .means = is_frozen(n) ? NULL : n->work_back[MEANS]->data,
    };
    return norm_backward(r->device, &c, &g);
}

static const op_def batch_norm_def = {"batch_norm", batch_norm_shape, batch_norm_forward, batch_norm_backward, NULL};

static tensor *record(net *n, tensor *x, norm_parameters norm, attributes a)
{
    tensor *const in[INPUTS] = {x, norm.weight, norm.bias, norm.running_mean, norm.running_var};
    node *added = net_record(n, &batch_norm_def, in, INPUTS, INPUTS, &a, sizeof a);
    return added ? added->out[0] : NULL;
}

tensor *batch_norm(net *n, tensor *x, norm_parameters norm, bool relu)
{
    return record(n, x, norm, (attributes){relu, false});
}

tensor *batch_norm_frozen(net *n, tensor *x, norm_parameters norm, bool relu)
{
    return record(n, x, norm, (attributes){relu, true});
}
