/* y = sigmoid(a) sigmoid(b); see panoptic.h and cl/gate.cl. */
#include "base/error.h"
#include "op/image.h"
#include "op/panoptic.h"
#include "op/team.h"

enum { A, B, INPUTS };
enum { EACH = 1024 /* values a group */ };

static int gate_shape(node *n)
{
    int rc = OK;
    TRY(matrix_wanted(n, A, "rows x channels"));
    TRY(input_wanted(n, B, ELEMENT_FLOAT, n->in[A]->shape, "as large as the other"));
    for (int i = A; i <= B; i++) {
        TRY(settled_wanted(n, i));
        node_keep_input(n, i);
    }
    if (tensor_count(n->in[A]) > INT32_MAX) return node_refuse(n, A, "should have at most %d values", INT32_MAX);
    TRY(node_output(n, ELEMENT_FLOAT, n->in[A]->shape));
done:
    return rc;
}

static int gate_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int count = (int)tensor_count(n->out[0]);
    const team_form f = team_form_of(r->device, 1, count);
    TRY(team_kernel(r->device, f, "gate", "", "gate", &k));
    TRY(LAUNCH(k, team_groups(count, EACH), 1, 1, (size_t)f.lanes, ((cost){7.0 * count, 12.0 * count}),
               arg_buffer(n->in[A]->data), arg_buffer(n->in[B]->data), arg_buffer(n->out[0]->data), arg_int(count),
               arg_int(EACH)));
done:
    return rc;
}

static buffer *gradient_of(const tensor *t)
{
    return t->wants_gradient ? t->gradient : NULL;
}

static int gate_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int count = (int)tensor_count(n->out[0]);
    const team_form f = team_form_of(r->device, 1, count);
    TRY(team_kernel(r->device, f, "gate", "", "gate_gradient", &k));
    TRY(LAUNCH(k, team_groups(count, EACH), 1, 1, (size_t)f.lanes, ((cost){12.0 * count, 20.0 * count}),
               arg_buffer(n->in[A]->data), arg_buffer(n->in[B]->data), arg_buffer(n->out[0]->gradient),
               arg_buffer(gradient_of(n->in[A])), arg_buffer(gradient_of(n->in[B])), arg_int(count), arg_int(EACH),
               arg_int(n->accumulate[A]), arg_int(n->accumulate[B])));
done:
    return rc;
}

static const op_def gate_def = {"gate", gate_shape, gate_forward, gate_backward, NULL};

tensor *gate(net *n, tensor *a, tensor *b)
{
    tensor *const in[INPUTS] = {a, b};
    node *recorded = net_record(n, &gate_def, in, INPUTS, INPUTS, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
