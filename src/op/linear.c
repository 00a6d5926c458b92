/* Linear layer: y = x W^T + b.  x [rows x K], W [N x K], b [N] -> y [rows x N], rows being all sizes of x but the last.
 *
 *   dx = dy W        dW = dy^T x        db = the columns' sums of dy
 *
 * Launches: forward 1; backward 1 for dx and 1 for dW and db together (2 for many rows: partial products and their sum;
 * GPUs one more for db). The products are gemm.h's: W is streamed transposed forward, as it is backward. */
#include "base/error.h"
#include "op/gemm.h"
#include "op/op.h"

enum { X, WEIGHT, BIAS, INPUTS };

typedef struct sizes {
    int rows, inputs, outputs;
} sizes;

static int linear_shape(node *n)
{
    int rc = OK;
    const tensor *x = n->in[X], *w = n->in[WEIGHT];
    const int outputs = w->shape.size[0], inputs = tensor_channels(x);
    if (x->element != ELEMENT_FLOAT || !tensor_count(x)) return node_refuse(n, X, "holds no real values");
    if (tensor_count(w) != (size_t)outputs * (size_t)inputs)
        return node_refuse(n, WEIGHT, "does not fit an input of %d channels: wanted N x %d", inputs, inputs);
    if (n->in[BIAS] && tensor_count(n->in[BIAS]) != (size_t)outputs)
        return node_refuse(n, BIAS, "is no bias of %d outputs", outputs);
    *(sizes *)n->attributes = (sizes){tensor_rows(x), inputs, outputs};

    TRY(node_needs_transposed(n, WEIGHT));
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(tensor_rows(x), outputs)));
    if (!w->wants_gradient) goto done;
    node_keep_input(n, X);
    const size_t partial = gemm_partial_size(outputs, inputs, tensor_rows(x));
    if (partial) TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE((int)(partial / (size_t)outputs), outputs)));
done:
    return rc;
}

static int linear_forward(node *n, const run *r)
{
    const sizes *s = n->attributes;
    const gemm_call c = {
        .rows = s->rows,
        .columns = s->outputs,
        .inner = s->inputs,
        .a = n->in[X]->data,
        .b = parameter_transposed(n->in[WEIGHT]),
        .c = n->out[0]->data,
        .b_stride = transposed_stride(n->in[WEIGHT]),
        .b_transposed = n->in[WEIGHT]->data,
        .epilogue = {.bias = n->in[BIAS] ? n->in[BIAS]->data : NULL},
    };
    return gemm(r->device, &c);
}

static int weight_gradient(node *n, const run *r)
{
    const sizes *s = n->attributes;
    buffer *bias = n->in[BIAS] ? n->in[BIAS]->gradient : NULL, *dy = n->out[0]->gradient;
    const gemm_transposed_call c = {
        .rows = s->outputs,
        .columns = s->inputs,
        .inner = s->rows,
        .a = dy,
        .b = n->in[X]->data,
        .c = n->in[WEIGHT]->gradient,
        .sums = bias,
        .accumulate = n->accumulate[WEIGHT],
        .accumulate_sums = n->accumulate[BIAS],
        .partial = n->works_back ? n->work_back[0]->data : NULL,
    };
    if (c.c) return gemm_transposed(r->device, &c);
    return bias ? gemm_sum_columns(r->device, s->rows, s->outputs, dy, bias, n->accumulate[BIAS]) : OK;
}

static int linear_backward(node *n, const run *r)
{
    int rc = OK;
    const sizes *s = n->attributes;
    const gemm_call dx = {
        .rows = s->rows,
        .columns = s->inputs,
        .inner = s->outputs,
        .a = n->out[0]->gradient,
        .b = n->in[WEIGHT]->data,
        .c = n->in[X]->gradient,
        .b_stride = s->inputs,
        .accumulate = n->accumulate[X],
    };
    if (dx.c) TRY(gemm(r->device, &dx));
    TRY(weight_gradient(n, r));
done:
    return rc;
}

static const op_def linear_def = {"linear", linear_shape, linear_forward, linear_backward, NULL};

tensor *linear(net *n, tensor *x, tensor *weight, tensor *bias)
{
    tensor *const in[INPUTS] = {x, weight, bias};
    const sizes s = {0};
    node *added = net_record(n, &linear_def, in, INPUTS, 2, &s, sizeof s);
    return added ? added->out[0] : NULL;
}
