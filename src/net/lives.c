/* When is each tensor in use? Node i runs forward at time i and backward at 2 N - 1 - i; what is late (op.h) runs when
 * its input's producer does, at 2 N for inputs. */
#include "net/internal.h"

static void extend(life *l, int time)
{
    if (l->last < l->first) l->first = l->last = time;
    if (time < l->first) l->first = time;
    if (time > l->last) l->last = time;
}

bool recomputed(const net *n, const tensor *root)
{
    const struct tensor_plan *p = root->plan;
    return n->save_memory && n->training && p->recompute && !p->keep && !p->base && p->storage == STORED_IN_ARENA &&
           p->producer;
}

static void data_used(const net *n, tensor *t, int time)
{
    tensor *root = tensor_root(t);
    const bool again = recomputed(n, root) && time >= (int)n->nodes.count;
    extend(again ? &root->plan->again : &root->plan->data, time);
    if (t->pending) data_used(n, t->pending->scale_shift, time);
}

static void gradient_used(tensor *t, int time)
{
    if (t->wants_gradient) extend(&gradient_root(t)->plan->gradient, time);
}

/* What backward reads, at the time that it runs. */
static void backward_reads(const net *n, node *current, int time)
{
    for (int i = 0; i < current->inputs; i++)
        if (current->in[i] && current->keep_in >> i & 1) data_used(n, current->in[i], time);
    for (int i = 0; i < current->outputs; i++) {
        if (current->keep_out >> i & 1) data_used(n, current->out[i], time);
        gradient_used(current->out[i], time);
    }
    for (int i = 0; i < current->saveds; i++) data_used(n, current->saved[i], time);
    for (int i = 0; i < current->works_back; i++) data_used(n, current->work_back[i], time);
}

static void node_lives(const net *n, node *current, int end)
{
    const int forward = current->index, backward = end - 1 - current->index;
    for (int i = 0; i < current->inputs; i++)
        if (current->in[i]) data_used(n, current->in[i], forward);
    for (int i = 0; i < current->outputs; i++) data_used(n, current->out[i], forward);
    for (int i = 0; i < current->saveds; i++) data_used(n, current->saved[i], forward);
    for (int i = 0; i < current->works; i++) data_used(n, current->work[i], forward);
    if (!n->training) return;
    backward_reads(n, current, backward);
    for (int i = 0; i < current->inputs; i++) {
        if (!current->in[i]) continue;
        int time = backward;
        if (current->late >> i & 1) {
            const tensor *target = late_target(current, i);
            time = target ? end - 1 - target->plan->producer->index : end;
            backward_reads(n, current, time);
        }
        gradient_used(current->in[i], time);
    }
}

/* What is computed again needs what its producer reads and writes at that time. */
static void again_lives(const net *n)
{
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        if (!recomputed(n, t) || t->plan->again.last < t->plan->again.first) continue;
        const node *producer = t->plan->producer;
        const int time = t->plan->again.first;
        for (int k = 0; k < producer->inputs; k++)
            if (producer->in[k]) data_used(n, producer->in[k], time);
        for (int k = 0; k < producer->outputs; k++) data_used(n, producer->out[k], time);
        for (int k = 0; k < producer->saveds; k++) data_used(n, producer->saved[k], time);
        for (int k = 0; k < producer->works; k++) data_used(n, producer->work[k], time);
    }
}

static void writers_count(const net *n)
{
    for (size_t i = 0; i < n->nodes.count; i++) {
        const node *current = n->nodes.item[i];
        for (int k = 0; k < current->inputs; k++)
            if (current->in[k] && current->in[k]->wants_gradient)
                gradient_root(current->in[k])->plan->gradient_writers++;
    }
}

/* Gradients that lie where their consumer's output gradient does: asked for, and written by nothing else. */
static void gradients_share(const net *n)
{
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        struct tensor_plan *p = t->plan;
        if (!p->may_share || p->storage != STORED_IN_ARENA || p->gradient_writers != 1) continue;
        tensor *with = gradient_root(p->may_share);
        if (with->wants_gradient && tensor_count(with) == tensor_count(t)) p->shares = with->plan;
    }
    for (size_t i = 0; i < n->tensors.count; i++) {
        struct tensor_plan *p = ((tensor *)n->tensors.item[i])->plan, *to = p->shares;
        if (!to) continue;
        while (to->shares) to = to->shares;
        extend(&to->gradient, p->gradient.first);
        extend(&to->gradient, p->gradient.last);
    }
}

/* A gradient that no node writes may be where backward starts: it lives from the turn on. Inputs, and what is kept,
 * live to the end. */
void lives_find(net *n)
{
    const int count = (int)n->nodes.count, end = 2 * count;
    for (size_t i = 0; i < n->tensors.count; i++) {
        struct tensor_plan *p = ((tensor *)n->tensors.item[i])->plan;
        p->data = p->again = p->gradient = (life){0, -1};
        p->shares = NULL;
        p->gradient_writers = 0;
    }
    for (int i = 0; i < count; i++) node_lives(n, n->nodes.item[i], end);
    again_lives(n);
    writers_count(n);
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        struct tensor_plan *p = t->plan;
        if (p->gradient.last >= 0 && !p->gradient_writers) gradient_used(t, count);
        if (p->base) continue;
        if (p->storage == STORED_AS_INPUT) data_used(n, t, 0);
        if (p->storage == STORED_AS_INPUT || p->keep) data_used(n, t, end);
        if (p->storage == STORED_AS_INPUT) gradient_used(t, end);
    }
    gradients_share(n);
}
