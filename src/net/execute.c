/* Running the tape: inputs in, forward, backward, results out. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/internal.h"

int net_plan(net *n, size_t *peak)
{
    int rc = OK;
    if (n->error) return fail(n->error, "%s", n->error_text ? n->error_text : "out of memory");
    TRY(parameters_place(n));
    TRY(memory_plan(n));
    n->planned = true;
    if (peak) *peak = n->arena_bytes;
done:
    return rc;
}

int net_measure(net *n, size_t *peak)
{
    int rc = OK;
    if (n->error) return fail(n->error, "%s", n->error_text ? n->error_text : "out of memory");
    TRY(memory_place(n, peak));
done:
    return rc;
}

int net_input_write(net *n, tensor *input, const void *values)
{
    (void)n;
    return buffer_write(input->data, 0, values, tensor_count(input) * 4);
}

int net_input_use(net *n, tensor *input, buffer *b)
{
    size_t bytes = tensor_count(input) * 4;
    if (buffer_size(b) < bytes)
        return fail(FAILED, "input %s: a buffer of %zu bytes, wanted %zu", input->name, buffer_size(b), bytes);
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        if (tensor_root(t) == input) t->data = b;
    }
    return OK;
}

int net_read(net *n, const tensor *t, void *values)
{
    (void)n;
    return buffer_read(t->data, 0, values, tensor_count(t) * 4);
}

int net_read_gradient(net *n, const tensor *t, float *values)
{
    (void)n;
    if (!t->gradient) return fail(FAILED, "%s has no gradient", t->name);
    return buffer_read(t->gradient, 0, values, tensor_count(t) * sizeof(float));
}

int net_forward(net *n, uint64_t step)
{
    int rc = OK;
    const run r = {n->device, n->training, n->seed, step};
    if (!n->planned) panic("net_forward before net_plan");
    TRY(parameters_transpose(n));
    for (size_t i = 0; i < n->nodes.count; i++) {
        node *current = n->nodes.item[i];
        TRY(current->def->forward(current, &r));
    }
done:
    return rc;
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* From here on the values of `root`, and of all that are its bytes, are at `place`. */
static void values_at(net *n, const tensor *root, buffer *place)
{
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        if (tensor_root(t) == root) t->data = place;
    }
}

/* A node all of whose outputs' gradients are read: those that nothing wrote are zero. */
static int unreached_clear(const node *current)
{
    int rc = OK;
    for (int i = 0; i < current->outputs; i++) {
        const tensor *t = current->out[i];
        if (t->gradient && !gradient_root(current->out[i])->plan->reached)
            TRY(buffer_fill(t->gradient, 0, 0, tensor_count(t) * sizeof(float)));
    }
done:
    return rc;
}

static int step_run(net *n, const backward_step *s, const run *r)
{
    int rc = OK;
    switch (s->kind) {
    case STEP_BACKWARD:
        TRY(unreached_clear(s->node));
        TRY(s->node->def->backward(s->node, r));
        break;
    case STEP_LATE: TRY(s->node->def->backward_late(s->node, r, s->index)); break;
    case STEP_FORWARD_AGAIN: {
        tensor *t = s->node->out[s->index];
        values_at(n, t, t->plan->again_view);
        TRY(s->node->def->forward(s->node, r));
        break;
    }
    }
done:
    return rc;
}

int backward_run(net *n, tensor *output, uint64_t step)
{
    int rc = OK;
    const run r = {n->device, true, n->seed, step};
    TRY(backward_prepare(n, output));
    if (n->untouched_gradients && !n->branch) /* a branch's trunk has done so */
        TRY(buffer_fill(n->store->trained.gradients, 0, 0, n->store->trained.count * sizeof(float)));
    for (size_t i = 0; i < n->step_count; i++) TRY(step_run(n, &n->steps[i], &r));
done:
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        if (t->plan->again_view) values_at(n, t, t->plan->data_view);
    }
    return rc;
}

static int backward_allowed(const net *n, const tensor *output)
{
    if (!n->training) return fail(FAILED, "backward of a tape that was not recorded for training");
    if (!output->gradient) return fail(FAILED, "%s takes no gradient: backward cannot start there", output->name);
    return OK;
}

int net_backward(net *n, tensor *loss, uint64_t step)
{
    const uint32_t one = 0x3f800000; /* 1.0f */
    int rc = backward_allowed(n, loss);
    if (!rc && tensor_count(loss) != 1)
        rc = fail(FAILED, "loss %s has %zu elements, wanted 1", loss->name, tensor_count(loss));
    if (!rc) rc = buffer_fill(loss->gradient, 0, one, sizeof one);
    return rc ? rc : backward_run(n, loss, step);
}

int net_backward_from(net *n, tensor *output, const float *gradient, uint64_t step)
{
    int rc = backward_allowed(n, output);
    if (!rc) rc = buffer_write(output->gradient, 0, gradient, tensor_count(output) * sizeof(float));
    return rc ? rc : backward_run(n, output, step);
}

/* ---- guards for checks ------------------------------------------------------------------------------------------ */

static const uint32_t poison = 0x7fc0dead; /* a quiet NaN that nothing computes */

void net_guard(net *n)
{
    n->guarded = true;
}

int net_poison(net *n)
{
    int rc = OK;
    for (size_t i = 0; i < n->chunks.count; i++)
        TRY(buffer_fill(n->chunks.item[i], 0, poison, buffer_size(n->chunks.item[i]) / 4 * 4));
    for (size_t i = 0; i < n->store->parameters.count; i++) {
        const parameter *p = n->store->parameters.item[i];
        if (p->plan.gradient_view) TRY(buffer_fill(p->plan.gradient_view, 0, poison, tensor_count(&p->tensor) * 4));
    }
done:
    return rc;
}

/* What lies behind a tensor's own elements in its place must still be poison. */
static int canary_intact(const tensor *t, buffer *view, const char *what)
{
    int rc = OK;
    size_t used = tensor_count(t) * 4, bytes = buffer_size(view) - used;
    uint32_t *words = NULL;
    TRY_NEW(words = memory_new(bytes / 4, 4));
    TRY(buffer_read(view, used, words, bytes / 4 * 4));
    for (size_t i = 0; i < bytes / 4; i++)
        if (words[i] != poison) {
            rc = fail(FAILED, "%s of %s was written %zu elements behind its end", what, t->name, i + 1);
            goto done;
        }
done:
    free(words);
    return rc;
}

int net_canaries_intact(net *n)
{
    int rc = OK;
    for (size_t i = 0; i < n->tensors.count; i++) {
        const tensor *t = n->tensors.item[i];
        if (t->plan->data_view) TRY(canary_intact(t, t->plan->data_view, "data"));
        if (t->plan->gradient_view) TRY(canary_intact(t, t->plan->gradient_view, "gradient"));
    }
done:
    return rc;
}
