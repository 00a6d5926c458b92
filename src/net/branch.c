#include "net/branch.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/internal.h"

struct branch {
    net *net;
    branch_record *record;
    void *user;
    tensor *in[NODE_INPUTS_MAX]; /* of this tape, as the trunk's */
    tensor *loss;                /* NULL: none */
};

int branch_new(net *trunk, branch_record *record, void *user, branch **out)
{
    int rc = OK;
    branch *b = memory_new(1, sizeof *b);
    TRY_NEW(b);
    TRY(net_new_branch(trunk, &b->net));
    b->record = record;
    b->user = user;
    *out = b;
    b = NULL;
done:
    free(b);
    return rc;
}

void branch_free(branch *b)
{
    if (!b) return;
    net_free(b->net);
    free(b);
}

net *branch_net(const branch *b)
{
    return b->net;
}

/* ---- the node ----------------------------------------------------------------------------------------------------- */

static branch *branch_of(const node *n)
{
    return *(branch *const *)n->attributes;
}

static int branch_shape(node *n)
{
    for (int i = 0; i < n->inputs; i++) {
        int rc = settled_wanted(n, i);
        if (rc) return rc;
        node_keep_input(n, i);
    }
    return node_output(n, ELEMENT_FLOAT, SHAPE(1));
}

/* The branch's inputs: the trunk's values, and gradients that go where the trunk's are. */
static int inputs_given(branch *b, const node *n)
{
    for (int i = 0; i < n->inputs; i++) {
        const tensor *t = n->in[i];
        tensor *given = net_input_given(b->net, t->name, t->element, t->shape);
        if (!given) return fail(FAILED, "%s", b->net->error_text ? b->net->error_text : "out of memory");
        given->data = t->data;
        given->gradient = t->gradient;
        given->wants_gradient = t->wants_gradient;
        b->in[i] = given;
    }
    return OK;
}

static int branch_forward(node *n, const run *r)
{
    int rc = OK;
    branch *b = branch_of(n);
    net_begin(b->net, n->training);
    b->loss = NULL;
    TRY(inputs_given(b, n));
    TRY(b->record(b->user, b->net, b->in, &b->loss));
    net_keep(b->net, b->loss);
    TRY(net_plan(b->net, NULL));
    TRY(net_forward(b->net, r->step));
    TRY(b->loss ? buffer_copy(b->loss->data, 0, n->out[0]->data, 0, sizeof(float))
                : buffer_fill(n->out[0]->data, 0, 0, sizeof(float)));
done:
    return rc;
}

static int branch_backward(node *n, const run *r)
{
    int rc = OK;
    branch *b = branch_of(n);
    const bool learns = b->loss && b->loss->wants_gradient;
    for (int i = 0; i < n->inputs; i++)
        if (n->accumulate[i]) panic("a branch's input is read by a later node");
    if (learns) {
        TRY(buffer_copy(n->out[0]->gradient, 0, b->loss->gradient, 0, sizeof(float)));
        TRY(backward_run(b->net, b->loss, r->step));
    }
    for (int i = 0; i < n->inputs; i++) {
        const tensor *t = b->in[i];
        if (t->wants_gradient && !(learns && t->plan->reached))
            TRY(buffer_fill(t->gradient, 0, 0, tensor_count(t) * sizeof(float)));
    }
done:
    return rc;
}

static const op_def branch_def = {"branch", branch_shape, branch_forward, branch_backward, NULL};

tensor *branch_loss(net *n, branch *b, tensor *const *in, int count)
{
    node *recorded = net_record(n, &branch_def, in, count, count, &b, sizeof b);
    if (!recorded) return NULL;
    /* The parameters inside want gradients even where no input does. */
    recorded->out[0]->wants_gradient = net_training(n);
    return recorded->out[0];
}
