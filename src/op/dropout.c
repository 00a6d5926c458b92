/* Dropout (Srivastava et al. 2014): y = x factor, factor 0 with probability p, else 1 / (1 - p); dx = dy factor, drawn
 * again by the value's number under the node's key (cl/dropout.clh). */
#include "op/dropout.h"

#include "base/error.h"
#include "op/team.h"

enum { VALUES_EACH = 1024 /* a group's, a multiple of 64 */, TEAM_OF = 64 };

random_key dropout_key(uint64_t seed, uint64_t step, int index)
{
    return random_stream(seed, RANDOM_DROPOUT, step << 16 ^ (uint64_t)index);
}

bool dropout_legal(float p)
{
    return p >= 0 && p < 1;
}

uint32_t dropout_limit(float p)
{
    return (uint32_t)((double)p * 4294967296.0);
}

double dropout_factor(random_key key, float p, uint64_t index)
{
    uint32_t block[4];
    random_block(key, index / 64 * 16 + index % 16, block);
    return block[index / 16 % 4] < dropout_limit(p) ? 0 : (double)(1 / (1 - p));
}

static int multiply(node *n, const run *r, buffer *from, buffer *to, bool accumulate)
{
    int rc = OK;
    kernel *k = NULL;
    const float p = *(const float *)n->attributes;
    const int count = (int)tensor_count(n->in[0]);
    const random_key key = dropout_key(r->seed, r->step, n->index);
    const team_form f = team_form_of(r->device, TEAM_OF, 1);
    TRY(team_kernel(r->device, f, "dropout", "", "dropout", &k));
    TRY(LAUNCH(k, team_groups(count, VALUES_EACH), 1, 1, (size_t)f.lanes, ((cost){(double)count, 8.0 * count}),
               arg_buffer(from), arg_buffer(to), arg_int(count), arg_int(VALUES_EACH), arg_uint(key.word[0]),
               arg_uint(key.word[1]), arg_uint(dropout_limit(p)), arg_float(1 / (1 - p)), arg_int(accumulate)));
done:
    return rc;
}

static int dropout_shape(node *n)
{
    const float p = *(const float *)n->attributes;
    if (n->in[0]->element != ELEMENT_FLOAT) return node_refuse(n, 0, "should be reals");
    if (!dropout_legal(p)) return node_refuse(n, 0, "dropped with probability %g, wanted 0 <= p < 1", (double)p);
    return node_output(n, ELEMENT_FLOAT, n->in[0]->shape);
}

static int dropout_forward(node *n, const run *r)
{
    return multiply(n, r, n->in[0]->data, n->out[0]->data, false);
}

static int dropout_backward(node *n, const run *r)
{
    return n->in[0]->wants_gradient ? multiply(n, r, n->out[0]->gradient, n->in[0]->gradient, n->accumulate[0]) : OK;
}

static const op_def dropout_def = {"dropout", dropout_shape, dropout_forward, dropout_backward, NULL};

/* Nothing is recorded where nothing is dropped. */
tensor *dropout(net *n, tensor *x, float p)
{
    if (p == 0 || (dropout_legal(p) && !net_training(n))) return x;
    node *recorded = net_record(n, &dropout_def, &x, 1, 1, &p, sizeof p);
    return recorded ? recorded->out[0] : NULL;
}
