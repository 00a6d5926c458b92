/* sigmoid and softplus: see panoptic.h. Element by element; the slope follows from the result. */
#include "base/error.h"
#include "op/image.h"
#include "op/panoptic.h"
#include "op/team.h"

enum { SIGMOID, SOFTPLUS };
enum { VECTORS_EACH = 64 /* of an item */ };

static size_t groups_of(team_form f, size_t count)
{
    const size_t each = (size_t)f.width * (size_t)f.lanes * VECTORS_EACH;
    return (count + each - 1) / each;
}

static int kernel_of(device *d, size_t count, const char *name, team_form *f, kernel **out)
{
    *f = team_form_of(d, 1, (int)count);
    return team_kernel(d, *f, "activation", "", name, out);
}

static int reals_wanted(const node *n, int i)
{
    const tensor *t = n->in[i];
    if (t->element == ELEMENT_FLOAT && tensor_count(t)) return settled_wanted(n, i);
    return node_refuse(n, i, "holds no real values");
}

static int activation_shape(node *n)
{
    int rc = OK;
    TRY(reals_wanted(n, 0));
    TRY(node_output(n, ELEMENT_FLOAT, n->in[0]->shape));
    node_keep_output(n, 0);
done:
    return rc;
}

static int activation_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    team_form f;
    const size_t count = tensor_count(n->in[0]);
    TRY(kernel_of(r->device, count, "activate", &f, &k));
    TRY(LAUNCH(k, groups_of(f, count), 1, 1, (size_t)f.lanes, ((cost){4.0 * (double)count, 8.0 * (double)count}),
               arg_buffer(n->in[0]->data), arg_buffer(n->out[0]->data), arg_int((int)count), arg_int(VECTORS_EACH),
               arg_int(*(const int *)n->attributes)));
done:
    return rc;
}

static int activation_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    team_form f;
    const size_t count = tensor_count(n->in[0]);
    if (!n->in[0]->wants_gradient) return OK;
    TRY(kernel_of(r->device, count, "activate_backward", &f, &k));
    TRY(LAUNCH(k, groups_of(f, count), 1, 1, (size_t)f.lanes, ((cost){4.0 * (double)count, 12.0 * (double)count}),
               arg_buffer(n->out[0]->data), arg_buffer(n->out[0]->gradient), arg_buffer(n->in[0]->gradient),
               arg_int((int)count), arg_int(VECTORS_EACH), arg_int(*(const int *)n->attributes),
               arg_int(n->accumulate[0])));
done:
    return rc;
}

static const op_def sigmoid_def = {"sigmoid", activation_shape, activation_forward, activation_backward, NULL};
static const op_def softplus_def = {"softplus", activation_shape, activation_forward, activation_backward, NULL};

static tensor *activation(net *n, const op_def *def, tensor *x, int kind)
{
    tensor *settled = x && x->pending ? materialise(n, x) : x;
    node *recorded = net_record(n, def, &settled, 1, 1, &kind, sizeof kind);
    return recorded ? recorded->out[0] : NULL;
}

tensor *sigmoid(net *n, tensor *x)
{
    return activation(n, &sigmoid_def, x, SIGMOID);
}

tensor *softplus(net *n, tensor *x)
{
    return activation(n, &softplus_def, x, SOFTPLUS);
}
