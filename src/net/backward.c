/* The order of backward: nodes from the last to the first, and between them what waits for its moment, namely values
 * that are computed again (just before their first use) and late gradients (just before what made their input). */
#include "base/error.h"
#include "base/memory.h"
#include "net/internal.h"

static bool any_output_reached(const node *current)
{
    for (int i = 0; i < current->outputs; i++)
        if (current->out[i]->wants_gradient && gradient_root(current->out[i])->plan->reached) return true;
    return false;
}

static int step_add(net *n, backward_step s)
{
    void *steps = n->steps;
    if (memory_grow(&steps, &n->step_capacity, n->step_count + 1, sizeof *n->steps)) return FAILED;
    n->steps = steps;
    n->steps[n->step_count++] = s;
    return OK;
}

/* Input i's gradient is written now, in this order. */
static void gradient_written(node *n, int i)
{
    struct tensor_plan *p = gradient_root(n->in[i])->plan;
    n->accumulate[i] = p->reached;
    p->reached = true;
}

static bool is_late(const node *n, int i)
{
    return n->late >> i & 1;
}

tensor *late_target(const node *n, int i)
{
    tensor *t = n->in[i];
    while (t && !t->plan->producer) t = t->plan->base;
    return t;
}

/* The late gradients of what `producer` made (NULL: of inputs), from the last node to the first. */
static int late_steps(net *n, const node *producer)
{
    int rc = OK;
    for (size_t m = n->nodes.count; m-- > 0;) {
        node *current = n->nodes.item[m];
        if (!current->late || !any_output_reached(current)) continue;
        for (int i = 0; i < current->inputs; i++) {
            if (!is_late(current, i) || !current->in[i] || !current->in[i]->wants_gradient) continue;
            const tensor *target = late_target(current, i);
            if ((target ? target->plan->producer : NULL) != producer) continue;
            gradient_written(current, i);
            TRY(step_add(n, (backward_step){current, STEP_LATE, i}));
        }
    }
done:
    return rc;
}

/* Values whose life again starts at this time. */
static int again_steps(net *n, int time)
{
    int rc = OK;
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        if (!recomputed(n, t) || t->plan->again.first != time || t->plan->again.last < time) continue;
        node *producer = t->plan->producer;
        for (int k = 0; k < producer->outputs; k++)
            if (producer->out[k] == t) TRY(step_add(n, (backward_step){producer, STEP_FORWARD_AGAIN, k}));
    }
done:
    return rc;
}

static int node_steps(net *n, node *current, int time)
{
    int rc = OK;
    TRY(again_steps(n, time));
    TRY(late_steps(n, current));
    if (!any_output_reached(current)) goto done;
    for (int i = 0; i < current->inputs; i++)
        if (current->in[i] && current->in[i]->wants_gradient && !is_late(current, i)) gradient_written(current, i);
    TRY(step_add(n, (backward_step){current, STEP_BACKWARD, 0}));
done:
    return rc;
}

int backward_prepare(net *n, tensor *output)
{
    int rc = OK, end = 2 * (int)n->nodes.count;
    if (n->backward_from == output) return OK;
    n->step_count = 0;
    for (size_t i = 0; i < n->tensors.count; i++) ((tensor *)n->tensors.item[i])->plan->reached = false;
    for (size_t i = 0; i < n->store->parameters.count; i++)
        ((parameter *)n->store->parameters.item[i])->plan.reached = false;
    gradient_root(output)->plan->reached = true;
    for (size_t i = n->nodes.count; i-- > 0;) TRY(node_steps(n, n->nodes.item[i], end - 1 - (int)i));
    TRY(again_steps(n, end));
    TRY(late_steps(n, NULL));
    n->untouched_gradients = false;
    for (size_t i = 0; i < n->store->parameters.count; i++) {
        parameter *p = n->store->parameters.item[i];
        if (p->role == PARAMETER_TRAINED && !p->plan.reached) n->untouched_gradients = true;
    }
    n->backward_from = output;
done:
    return rc;
}
