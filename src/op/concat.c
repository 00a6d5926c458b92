/* Two matrices side by side: y [rows x (C1 + C2)] = [a | b]; the gradients are the same columns of dy. */
#include "base/error.h"
#include "op/columns.h"
#include "op/op.h"

enum { A, B, INPUTS };

static int concat_shape(node *n)
{
    const tensor *a = n->in[A], *b = n->in[B];
    const int rows = tensor_rows(a);
    if (a->element != ELEMENT_FLOAT) return node_refuse(n, A, "should be reals");
    if (b->element != ELEMENT_FLOAT || tensor_rows(b) != rows)
        return node_refuse(n, B, "should be %d rows of reals, as many as the other", rows);
    if (tensor_channels(a) > INT32_MAX - tensor_channels(b)) return node_refuse(n, B, "has too many channels");
    return node_output(n, ELEMENT_FLOAT, SHAPE(rows, tensor_channels(a) + tensor_channels(b)));
}

static int concat_forward(node *n, const run *r)
{
    int rc = OK;
    const int rows = tensor_rows(n->out[0]), all = tensor_channels(n->out[0]);
    for (int i = A, first = 0; i <= B; first += tensor_channels(n->in[i++])) {
        const int count = tensor_channels(n->in[i]);
        TRY(columns_copy(r->device, (columns){n->in[i]->data, count, 0}, (columns){n->out[0]->data, all, first}, rows,
                         count, false));
    }
done:
    return rc;
}

static int concat_backward(node *n, const run *r)
{
    int rc = OK;
    const int rows = tensor_rows(n->out[0]), all = tensor_channels(n->out[0]);
    for (int i = A, first = 0; i <= B; first += tensor_channels(n->in[i++])) {
        const int count = tensor_channels(n->in[i]);
        if (!n->in[i]->wants_gradient) continue;
        TRY(columns_copy(r->device, (columns){n->out[0]->gradient, all, first}, (columns){n->in[i]->gradient, count, 0},
                         rows, count, n->accumulate[i]));
    }
done:
    return rc;
}

static const op_def concat_def = {"concat", concat_shape, concat_forward, concat_backward, NULL};

tensor *concat(net *n, tensor *a, tensor *b)
{
    tensor *const in[INPUTS] = {a, b};
    node *recorded = net_record(n, &concat_def, in, INPUTS, INPUTS, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
