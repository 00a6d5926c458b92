/* One layer of an MLP: y = relu?(batch_norm(z)), z = x W^T + b.  x [rows x K], W [N x K], b and the norm's four vectors
 * [N] -> y [rows x N]. The norm is batch_norm.c's.
 *
 * Launches. Evaluating: 1, the norm by running statistics and the ReLU being the product's epilogue. Training, for few
 * rows on a CPU: 1 forward, 2 backward (an item owns columns for the whole batch, see cl/linear_norm.cl); for few rows
 * elsewhere: 2 and 3; for many: 3 (the product's epilogue leaves partial statistics) and 5 or 6 (sums, their merging,
 * dz, dx, dW and its sum). The bias's gradient is zero: the norm subtracts whatever is the same in every row. */
#include <stdio.h>

#include "base/error.h"
#include "op/channels.h"
#include "op/gemm.h"
#include "op/norm.h"
#include "op/op.h"

enum { X, WEIGHT, NORM_WEIGHT, NORM_BIAS, RUNNING_MEAN, RUNNING_VAR, BIAS, INPUTS };
enum { Z, STATISTICS };            /* saved */
enum { MOMENTS };                  /* work */
enum { DZ, SUMS, MEANS, PARTIAL }; /* work in backward */

typedef struct attributes {
    int rows, inputs, outputs;
    bool relu;
    int whole_batch; /* vectors of columns an item of cl/linear_norm.cl owns; 0: the layer goes other ways */
} attributes;

/* Items that own columns for the whole batch: for few rows, when there is an item for each compute unit, and no tails
 * (see cl/linear_norm.cl for the limits). */
static int whole_batch_vectors(const device *d, const attributes *a)
{
    enum { TILE_ROWS = 8, NARROWEST = 8 };
    const int width = cpu_vector(d, a->outputs);
    if (device_tiles(d) != TILE_CPU || !norm_few_rows(a->rows) || a->rows < TILE_ROWS) return 0;
    if (width < NARROWEST || a->outputs % width || a->inputs < width) return 0;
    const int vectors = a->outputs / width, units = (int)device_about(d)->compute_units;
    if (vectors % 2 == 0 && vectors / 2 >= units) return 2;
    return vectors >= units ? 1 : 0;
}

static int inputs_check(const node *n, int inputs, int outputs)
{
    if (n->in[X]->element != ELEMENT_FLOAT || !tensor_count(n->in[X])) return node_refuse(n, X, "holds no real values");
    if (tensor_count(n->in[WEIGHT]) != (size_t)outputs * (size_t)inputs)
        return node_refuse(n, WEIGHT, "does not fit an input of %d channels: wanted N x %d", inputs, inputs);
    for (int i = NORM_WEIGHT; i < INPUTS; i++)
        if (n->in[i] && tensor_count(n->in[i]) != (size_t)outputs)
            return node_refuse(n, i, "is no vector of %d outputs", outputs);
    if (n->training && tensor_rows(n->in[X]) < 2)
        return node_refuse(n, WEIGHT, "batch norm needs at least 2 rows when training");
    return OK;
}

static int training_tensors(node *n, const attributes *a)
{
    int rc = OK;
    const int chunks = norm_chunks(node_device(n), a->rows);
    const size_t partial = gemm_partial_size(a->outputs, a->inputs, a->rows);
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(a->rows, a->outputs)));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(2, a->outputs)));
    TRY(node_work(n, ELEMENT_FLOAT, SHAPE(chunks, 2, a->outputs)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(a->rows, a->outputs)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(chunks, 2, a->outputs)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(2, a->outputs)));
    if (partial) TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE((int)(partial / (size_t)a->outputs), a->outputs)));
    node_keep_input(n, X);
done:
    return rc;
}

static int linear_norm_shape(node *n)
{
    int rc = OK;
    attributes *a = n->attributes;
    a->rows = tensor_rows(n->in[X]);
    a->inputs = tensor_channels(n->in[X]);
    a->outputs = n->in[WEIGHT]->shape.size[0];
    TRY(inputs_check(n, a->inputs, a->outputs));
    a->whole_batch = whole_batch_vectors(node_device(n), a);
    TRY(node_needs_transposed(n, WEIGHT));
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(a->rows, a->outputs)));
    if (n->training) TRY(training_tensors(n, a));
done:
    return rc;
}

static buffer *bias_of(const node *n)
{
    return n->in[BIAS] ? n->in[BIAS]->data : NULL;
}

static norm_call norm_of(const node *n)
{
    const attributes *a = n->attributes;
    return (norm_call){
        .rows = a->rows,
        .columns = a->outputs,
        .relu = a->relu,
        .z = n->saved[Z]->data,
        .y = n->out[0]->data,
        .weight = n->in[NORM_WEIGHT]->data,
        .bias = n->in[NORM_BIAS]->data,
        .running_mean = n->in[RUNNING_MEAN]->data,
        .running_var = n->in[RUNNING_VAR]->data,
        .statistics = n->saved[STATISTICS]->data,
        .moments = n->work[MOMENTS]->data,
    };
}

/* x W^T + b, without a place to write it to. */
static gemm_call product_of(const node *n)
{
    const attributes *a = n->attributes;
    return (gemm_call){
        .rows = a->rows,
        .columns = a->outputs,
        .inner = a->inputs,
        .a = n->in[X]->data,
        .b = parameter_transposed(n->in[WEIGHT]),
        .b_stride = transposed_stride(n->in[WEIGHT]),
        .b_transposed = n->in[WEIGHT]->data,
        .epilogue = {.bias = bias_of(n)},
    };
}

static int whole_batch_kernel(node *n, const run *r, const char *name, kernel **out)
{
    char options[48];
    const attributes *a = n->attributes;
    snprintf(options, sizeof options, "-DVW=%d -DOB=%d", cpu_vector(r->device, a->outputs), a->whole_batch);
    return kernel_get(r->device, "linear_norm", options, name, out);
}

static size_t whole_batch_items(node *n, const run *r)
{
    const attributes *a = n->attributes;
    return (size_t)(a->outputs / (cpu_vector(r->device, a->outputs) * a->whole_batch));
}

static cost whole_batch_cost(const attributes *a, double passes)
{
    const double m = a->rows, n = a->outputs, k = a->inputs;
    return (cost){2 * m * n * k + 10 * m * n, 4 * (m * k + n * k + passes * m * n)};
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

static int forward_evaluating(node *n, const run *r)
{
    const attributes *a = n->attributes;
    gemm_call c = product_of(n);
    c.c = n->out[0]->data;
    c.epilogue = (gemm_epilogue){
        .bias = bias_of(n),
        .norm_weight = n->in[NORM_WEIGHT]->data,
        .norm_bias = n->in[NORM_BIAS]->data,
        .running_mean = n->in[RUNNING_MEAN]->data,
        .running_var = n->in[RUNNING_VAR]->data,
        .relu = a->relu,
    };
    return gemm(r->device, &c);
}

static int forward_whole_batch(node *n, const run *r)
{
    const attributes *a = n->attributes;
    const norm_call c = norm_of(n);
    kernel *k = NULL;
    int rc = whole_batch_kernel(n, r, "linear_norm_forward", &k);
    return rc ? rc
              : LAUNCH(k, whole_batch_items(n, r), 1, 1, 1, whole_batch_cost(a, 2), arg_buffer(n->in[X]->data),
                       arg_buffer(parameter_transposed(n->in[WEIGHT])), arg_int(transposed_stride(n->in[WEIGHT])),
                       arg_buffer(bias_of(n)), arg_buffer(c.weight), arg_buffer(c.bias), arg_buffer(c.running_mean),
                       arg_buffer(c.running_var), arg_buffer(c.z), arg_buffer(c.statistics), arg_buffer(c.y),
                       arg_int(a->rows), arg_int(a->outputs), arg_int(a->inputs), arg_int(a->relu));
}

static int linear_norm_forward(node *n, const run *r)
{
    int rc = OK;
    const attributes *a = n->attributes;
    if (!n->training) return forward_evaluating(n, r);
    if (a->whole_batch) return forward_whole_batch(n, r);
    const norm_call c = norm_of(n);
    gemm_call product = product_of(n);
    product.c = c.z;
    product.moments = norm_few_rows(a->rows) ? NULL : c.moments;
    TRY(gemm(r->device, &product));
    TRY(norm_train(r->device, &c, product.moments != NULL));
done:
    return rc;
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

static int backward_whole_batch(node *n, const run *r)
{
    const attributes *a = n->attributes;
    const norm_call c = norm_of(n);
    kernel *k = NULL;
    int rc = whole_batch_kernel(n, r, "linear_norm_backward", &k);
    return rc ? rc
              : LAUNCH(k, whole_batch_items(n, r), 1, 1, 1, whole_batch_cost(a, 3), arg_buffer(n->out[0]->gradient),
                       arg_buffer(c.z), arg_buffer(c.statistics), arg_buffer(c.weight), arg_buffer(c.bias),
                       arg_buffer(n->in[X]->data), arg_buffer(n->work_back[DZ]->data),
                       arg_buffer(n->in[NORM_WEIGHT]->gradient), arg_int(n->accumulate[NORM_WEIGHT]),
                       arg_buffer(n->in[NORM_BIAS]->gradient), arg_int(n->accumulate[NORM_BIAS]),
                       arg_buffer(n->in[WEIGHT]->gradient), arg_int(n->accumulate[WEIGHT]), arg_int(a->rows),
                       arg_int(a->outputs), arg_int(a->inputs), arg_int(a->relu));
}

/* dz, and the gradients of the norm and of W. */
static int backward_in_steps(node *n, const run *r)
{
    int rc = OK;
    const attributes *a = n->attributes;
    const norm_call c = norm_of(n);
    const norm_gradients g = {
        .dy = n->out[0]->gradient,
        .dz = n->work_back[DZ]->data,
        .weight = n->in[NORM_WEIGHT]->gradient,
        .bias = n->in[NORM_BIAS]->gradient,
        .add_weight = n->accumulate[NORM_WEIGHT],
        .add_bias = n->accumulate[NORM_BIAS],
        .sums = n->work_back[SUMS]->data,
        .means = n->work_back[MEANS]->data,
    };
    const gemm_transposed_call dw = {
        .rows = a->outputs,
        .columns = a->inputs,
        .inner = a->rows,
        .a = g.dz,
        .b = n->in[X]->data,
        .c = n->in[WEIGHT]->gradient,
        .accumulate = n->accumulate[WEIGHT],
        .partial = n->works_back > PARTIAL ? n->work_back[PARTIAL]->data : NULL,
    };
    TRY(norm_backward(r->device, &c, &g));
    if (dw.c) TRY(gemm_transposed(r->device, &dw));
done:
    return rc;
}

static int linear_norm_backward(node *n, const run *r)
{
    int rc = OK;
    const attributes *a = n->attributes;
    buffer *bias = n->in[BIAS] ? n->in[BIAS]->gradient : NULL;
    const gemm_call dx = {
        .rows = a->rows,
        .columns = a->inputs,
        .inner = a->outputs,
        .a = n->work_back[DZ]->data,
        .b = n->in[WEIGHT]->data,
        .c = n->in[X]->gradient,
        .b_stride = a->inputs,
        .accumulate = n->accumulate[X],
    };
    TRY(a->whole_batch ? backward_whole_batch(n, r) : backward_in_steps(n, r));
    if (dx.c) TRY(gemm(r->device, &dx));
    if (bias && !n->accumulate[BIAS]) TRY(buffer_fill(bias, 0, 0, (size_t)a->outputs * sizeof(float)));
done:
    return rc;
}

static const op_def linear_norm_def = {"linear_norm", linear_norm_shape, linear_norm_forward, linear_norm_backward,
                                       NULL};

tensor *linear_norm(net *n, tensor *x, tensor *weight, tensor *bias, norm_parameters norm, bool relu)
{
    tensor *const in[INPUTS] = {x, weight, norm.weight, norm.bias, norm.running_mean, norm.running_var, bias};
    const attributes a = {.relu = relu};
    node *added = net_record(n, &linear_norm_def, in, INPUTS, BIAS, &a, sizeof a);
    return added ? added->out[0] : NULL;
}
