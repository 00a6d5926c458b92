/* The net's life and the recording of the tape. */
#include "net/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

int list_add(list *l, void *item)
{
    void *items = l->item;
    if (memory_grow(&items, &l->capacity, l->count + 1, sizeof(void *))) return FAILED;
    l->item = items;
    l->item[l->count++] = item;
    return OK;
}

int net_new(device *d, uint64_t seed, net **out)
{
    net *n = memory_new(1, sizeof *n);
    store *parameters = memory_new(1, sizeof *parameters);
    if (!n || !parameters) {
        free(n);
        free(parameters);
        return FAILED;
    }
    *n = (net){.device = d, .seed = seed, .store = parameters};
    *out = n;
    return OK;
}

int net_new_branch(net *trunk, net **out)
{
    net *n = memory_new(1, sizeof *n);
    if (!n) return FAILED;
    *n = (net){.device = trunk->device, .seed = trunk->seed, .store = trunk->store, .branch = true};
    *out = n;
    return OK;
}

void net_free(net *n)
{
    if (!n) return;
    tape_release(n);
    if (!n->branch) parameters_free(n);
    for (size_t i = 0; i < n->chunks.count; i++) buffer_free(n->chunks.item[i]);
    free(n->chunks.item);
    free(n->nodes.item);
    free(n->tensors.item);
    free(n->memory.item);
    free(n->steps);
    free(n->error_text);
    free(n);
}

device *net_device(const net *n)
{
    return n->device;
}

bool net_training(const net *n)
{
    return n->training;
}

void net_prefix(net *n, const char *prefix)
{
    n->prefix = prefix && *prefix ? prefix : NULL;
}

void net_refuse(net *n, int code)
{
    if (n->error) return;
    n->error = code;
    free(n->error_text);
    n->error_text = text_copy(error_message());
}

void *tape_memory(net *n, size_t size)
{
    if (n->error) return NULL;
    void *memory = memory_new(1, size);
    if (!memory || list_add(&n->memory, memory)) {
        free(memory);
        net_refuse(n, FAILED);
        return NULL;
    }
    return memory;
}

void tape_release(net *n)
{
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        buffer_free(t->plan->data_view);
        buffer_free(t->plan->again_view);
        buffer_free(t->plan->gradient_view);
    }
    for (size_t i = 0; i < n->memory.count; i++) free(n->memory.item[i]);
    n->nodes.count = n->tensors.count = n->memory.count = 0;
    n->backward_from = NULL;
    n->step_count = 0;
}

void net_begin(net *n, bool training)
{
    tape_release(n);
    n->training = training;
    n->planned = false;
    n->error = OK;
    n->prefix = NULL;
    for (size_t i = 0; i < n->store->parameters.count; i++) {
        parameter *p = n->store->parameters.item[i];
        p->tensor.wants_gradient = training && p->role == PARAMETER_TRAINED;
    }
}

const char *scope(net *n, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : tape_memory(n, (size_t)length + 1);
    if (!text) return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

size_t tensor_count(const tensor *t)
{
    size_t count = 1;
    for (int i = 0; i < t->shape.rank; i++) count *= (size_t)t->shape.size[i];
    return count;
}

int tensor_channels(const tensor *t)
{
    return t->shape.rank ? t->shape.size[t->shape.rank - 1] : 1;
}

int tensor_rows(const tensor *t)
{
    int rows = 1;
    for (int i = 0; i + 1 < t->shape.rank; i++) rows *= t->shape.size[i];
    return rows;
}

tensor *tensor_root(tensor *t)
{
    while (t->plan->base) t = t->plan->base;
    return t;
}

tensor *gradient_root(tensor *t)
{
    while (t->plan->base && !t->plan->own_gradient) t = t->plan->base;
    return t;
}

/* Sizes come from data sets and configurations: their product must fit an int's worth of rows and 2^31 elements. */
static int shape_check(shape s, const char *name)
{
    if (s.rank < 1 || s.rank > RANK_MAX) return fail(FAILED, "%s: rank %d, wanted 1 to %d", name, s.rank, RANK_MAX);
    uint64_t count = 1;
    for (int i = 0; i < s.rank; i++) {
        if (s.size[i] < 0) return fail(FAILED, "%s: size %d is %d, wanted 0 or more", name, i, s.size[i]);
        count *= (uint64_t)s.size[i];
        if (count > INT32_MAX) return fail(FAILED, "%s: more than %d elements: use a smaller batch", name, INT32_MAX);
    }
    return OK;
}

static tensor *tensor_add(net *n, const char *name, enum element e, shape s, enum storage storage)
{
    if (n->error) return NULL;
    if (shape_check(s, name)) {
        net_refuse(n, FAILED);
        return NULL;
    }
    tensor *t = tape_memory(n, sizeof *t);
    struct tensor_plan *plan = tape_memory(n, sizeof *plan);
    if (!t || !plan) return NULL;
    *t = (tensor){.name = name, .element = e, .shape = s, .plan = plan};
    plan->storage = storage;
    if (list_add(&n->tensors, t)) {
        net_refuse(n, FAILED);
        return NULL;
    }
    return t;
}

tensor *net_input(net *n, const char *name, enum element e, shape s, bool wants_gradient)
{
    tensor *t = tensor_add(n, scope(n, "%s", name), e, s, STORED_AS_INPUT);
    if (t) t->wants_gradient = wants_gradient && n->training && e == ELEMENT_FLOAT;
    return t;
}

tensor *net_input_given(net *n, const char *name, enum element e, shape s)
{
    return tensor_add(n, scope(n, "%s", name), e, s, STORED_ELSEWHERE);
}

tensor *reshape(net *n, tensor *x, shape s)
{
    if (!x || n->error) return NULL;
    tensor *t = tensor_add(n, x->name, x->element, s, x->plan->storage);
    if (!t) return NULL;
    if (tensor_count(t) != tensor_count(x)) {
        fail(FAILED, "reshape of %s: %zu elements, wanted %zu", x->name, tensor_count(t), tensor_count(x));
        net_refuse(n, FAILED);
        return NULL;
    }
    t->plan->base = x;
    t->wants_gradient = x->wants_gradient;
    t->pending = x->pending;
    return t;
}

void net_keep(net *n, tensor *t)
{
    if (!n->error && t) tensor_root(t)->plan->keep = true;
}

void net_recompute(net *n, tensor *t)
{
    if (!n->error && t) tensor_root(t)->plan->recompute = true;
}

void net_save_memory(net *n, bool on)
{
    n->save_memory = on;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------ */

node *net_record(net *n, const op_def *def, tensor *const *in, int inputs, int required, const void *attributes,
                 size_t attributes_size)
{
    if (n->error) return NULL;
    if (inputs > NODE_INPUTS_MAX) panic("%s: %d inputs", def->name, inputs);
    for (int i = 0; i < required; i++)
        if (!in[i]) {
            fail(FAILED, "%s: input %d is missing", def->name, i);
            net_refuse(n, FAILED);
            return NULL;
        }
    node *added = tape_memory(n, sizeof *added);
    if (!added) return NULL;
    *added = (node){.def = def, .net = n, .index = (int)n->nodes.count, .inputs = inputs, .training = n->training};
    memcpy(added->in, in, (size_t)inputs * sizeof *in);
    if (attributes_size) {
        added->attributes = tape_memory(n, attributes_size);
        if (!added->attributes) return NULL;
        memcpy(added->attributes, attributes, attributes_size);
    }
    int rc = def->shape(added);
    if (!rc) rc = list_add(&n->nodes, added);
    if (rc) {
        net_refuse(n, rc);
        return NULL;
    }
    return added;
}

static bool any_input_wants_gradient(const node *n)
{
    for (int i = 0; i < n->inputs; i++)
        if (n->in[i] && n->in[i]->wants_gradient) return true;
    return false;
}

/* Adds a tensor to one of the node's lists. */
static int node_tensor(node *n, tensor **slots, int *count, int limit, enum element e, shape s)
{
    if (*count >= limit) panic("%s: more than %d tensors of a kind", n->def->name, limit);
    tensor *t = tensor_add(n->net, n->def->name, e, s, STORED_IN_ARENA);
    if (!t) return n->net->error;
    t->plan->producer = n;
    slots[(*count)++] = t;
    return OK;
}

int node_output(node *n, enum element e, shape s)
{
    int rc = node_tensor(n, n->out, &n->outputs, NODE_OUTPUTS_MAX, e, s);
    if (!rc)
        n->out[n->outputs - 1]->wants_gradient =
            n->training && n->def->backward && e == ELEMENT_FLOAT && any_input_wants_gradient(n);
    return rc;
}

int node_output_view(node *n, int i)
{
    int rc = node_output(n, n->in[i]->element, n->in[i]->shape);
    if (rc) return rc;
    struct tensor_plan *p = n->out[n->outputs - 1]->plan;
    p->base = n->in[i];
    p->own_gradient = true;
    return OK;
}

void *node_memory(node *n, size_t bytes)
{
    return tape_memory(n->net, bytes);
}

void node_share_gradient(node *n, int i, int o)
{
    if (n->in[i] && n->in[i]->wants_gradient) gradient_root(n->in[i])->plan->may_share = n->out[o];
}

void node_late_gradient(node *n, int i)
{
    n->late |= UINT32_C(1) << i;
}

int node_save(node *n, enum element e, shape s)
{
    return n->training ? node_tensor(n, n->saved, &n->saveds, NODE_BUFFERS_MAX, e, s) : OK;
}

int node_work(node *n, enum element e, shape s)
{
    return node_tensor(n, n->work, &n->works, NODE_BUFFERS_MAX, e, s);
}

int node_work_back(node *n, enum element e, shape s)
{
    return n->training ? node_tensor(n, n->work_back, &n->works_back, NODE_BUFFERS_MAX, e, s) : OK;
}

void node_keep_input(node *n, int i)
{
    n->keep_in |= UINT32_C(1) << i;
}

void node_keep_output(node *n, int i)
{
    n->keep_out |= UINT32_C(1) << i;
}

int node_needs_transposed(node *n, int i)
{
    tensor *t = n->in[i];
    if (!t->parameter) return node_refuse(n, i, "is no parameter");
    for (size_t k = 0; k < n->net->store->parameters.count; k++) {
        parameter *p = n->net->store->parameters.item[k];
        if (&p->tensor != t || p->transposed_wanted) continue;
        p->transposed_wanted = true;
        n->net->store->transposed_new = true;
    }
    return OK;
}

device *node_device(const node *n)
{
    return n->net->device;
}

int node_refuse(const node *n, int input, const char *format, ...)
{
    char reason[256], size[64] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    const tensor *t = n->in[input];
    for (int i = 0, used = 0; t && i < t->shape.rank; i++)
        used += snprintf(size + used, sizeof size - (size_t)used, i ? " x %d" : "%d", t->shape.size[i]);
    return fail(FAILED, "%s: input %d (%s, %s) %s", n->def->name, input, t && t->name ? t->name : "absent",
                *size ? size : "no shape", reason);
}
