/* Parameters by name, laid out in flat buffers, and their transposed copies; constants. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/internal.h"

size_t align_floats(const net *n, size_t floats)
{
    size_t unit = device_about(n->device)->base_alignment / sizeof(float);
    if (unit < 16) unit = 16;
    return (floats + unit - 1) / unit * unit;
}

static parameter *find(const net *n, const char *key)
{
    for (size_t i = 0; i < n->store->parameters.count; i++) {
        parameter *p = n->store->parameters.item[i];
        if (!strcmp(p->tensor.name, key)) return p;
    }
    return NULL;
}

static bool same_shape(shape a, shape b)
{
    return a.rank == b.rank && !memcmp(a.size, b.size, (size_t)a.rank * sizeof(int));
}

static void parameter_free(parameter *p)
{
    if (!p) return;
    buffer_free(p->plan.data_view);
    buffer_free(p->plan.gradient_view);
    buffer_free(p->transposed);
    free(p->pending);
    free((char *)(uintptr_t)p->tensor.name);
    free(p);
}

static parameter *parameter_new(net *n, const char *key, shape s, enum parameter_role role)
{
    parameter *p = memory_new(1, sizeof *p);
    if (!p) return NULL;
    p->role = role;
    p->plan.storage = STORED_AS_PARAMETER;
    p->tensor = (tensor){.name = text_copy(key), .element = ELEMENT_FLOAT, .shape = s, .parameter = true};
    p->tensor.plan = &p->plan;
    p->tensor.wants_gradient = n->training && role == PARAMETER_TRAINED;
    p->pending = memory_new(tensor_count(&p->tensor), sizeof(float));
    if (!p->tensor.name || !p->pending || list_add(&n->store->parameters, p)) {
        parameter_free(p);
        return NULL;
    }
    return p;
}

tensor *net_parameter(net *n, const char *key, shape s, enum parameter_role role, enum initial initial, double scale)
{
    if (n->prefix) key = scope(n, "%s%s", n->prefix, key);
    if (n->error || !key) return NULL;
    parameter *p = find(n, key);
    if (p && !same_shape(p->tensor.shape, s)) {
        net_refuse(n, fail(FAILED, "parameter %s is used with two shapes", key));
        return NULL;
    }
    if (p) return &p->tensor;
    for (int i = 0; i < s.rank; i++)
        if (s.size[i] < 1) {
            net_refuse(n, fail(FAILED, "parameter %s: size %d is %d, wanted 1 or more", key, i, s.size[i]));
            return NULL;
        }
    p = parameter_new(n, key, s, role);
    if (!p) {
        net_refuse(n, FAILED);
        return NULL;
    }
    parameter_initialise(n, p, initial, scale);
    n->store->parameters_new = true;
    return &p->tensor;
}

/* ---- layout ----------------------------------------------------------------------------------------------------- */

/* Brings what is on the device back to pending, so that a new layout can be uploaded whole. */
static int parameters_recall(net *n)
{
    int rc = OK;
    for (size_t i = 0; i < n->store->parameters.count; i++) {
        parameter *p = n->store->parameters.item[i];
        if (p->pending) continue;
        TRY_NEW(p->pending = memory_new(tensor_count(&p->tensor), sizeof(float)));
        TRY(buffer_read(p->tensor.data, 0, p->pending, tensor_count(&p->tensor) * sizeof(float)));
    }
done:
    return rc;
}

static void flat_free(flat *f)
{
    buffer_free(f->values);
    buffer_free(f->gradients);
    *f = (flat){0};
}

static void parameter_unplace(parameter *p)
{
    buffer_free(p->plan.data_view);
    buffer_free(p->plan.gradient_view);
    p->plan.data_view = p->plan.gradient_view = p->tensor.data = p->tensor.gradient = NULL;
}

static int flat_place(net *n, flat *f, enum parameter_role role)
{
    int rc = OK;
    float *staging = NULL;
    flat_free(f);
    for (size_t i = 0; i < n->store->parameters.count; i++) {
        parameter *p = n->store->parameters.item[i];
        if (p->role != role) continue;
        p->offset = f->count;
        f->count += align_floats(n, tensor_count(&p->tensor));
    }
    TRY_NEW(staging = memory_new(f->count, sizeof(float)));
    TRY(buffer_new(n->device, f->count * sizeof(float), &f->values));
    if (role == PARAMETER_TRAINED) {
        TRY(buffer_new(n->device, f->count * sizeof(float), &f->gradients));
        TRY(buffer_fill(f->gradients, 0, 0, f->count * sizeof(float)));
    }
    for (size_t i = 0; i < n->store->parameters.count; i++) {
        parameter *p = n->store->parameters.item[i];
        if (p->role != role) continue;
        size_t bytes = tensor_count(&p->tensor) * sizeof(float), start = p->offset * sizeof(float);
        memcpy(staging + p->offset, p->pending, bytes);
        TRY(buffer_view(f->values, start, bytes, &p->plan.data_view));
        p->tensor.data = p->plan.data_view;
        if (f->gradients) TRY(buffer_view(f->gradients, start, bytes, &p->plan.gradient_view));
        p->tensor.gradient = p->plan.gradient_view;
        free(p->pending);
        p->pending = NULL;
    }
    TRY(buffer_write(f->values, 0, staging, f->count * sizeof(float)));
done:
    free(staging);
    return rc;
}

/* One table line a matrix: source offset, target offset, N, K, stride (see transpose_parameters in op.h). */
static int transposed_place(net *n)
{
    int rc = OK;
    size_t total = 0, count = 0;
    int32_t *table = NULL;
    TRY_NEW(table = memory_new(n->store->parameters.count * 5, sizeof *table));
    for (size_t i = 0; i < n->store->parameters.count; i++) {
        parameter *p = n->store->parameters.item[i];
        buffer_free(p->transposed);
        p->transposed = NULL;
        if (!p->transposed_wanted) continue;
        int outputs = p->tensor.shape.size[0], inputs = (int)(tensor_count(&p->tensor) / (size_t)outputs);
        int stride = transposed_stride(&p->tensor);
        const int32_t line[5] = {(int32_t)p->offset, (int32_t)total, outputs, inputs, stride};
        memcpy(table + 5 * count++, line, sizeof line);
        p->transposed_offset = total;
        total += align_floats(n, (size_t)inputs * (size_t)stride);
    }
    buffer_free(n->store->transposed);
    buffer_free(n->store->transposed_table);
    n->store->transposed = n->store->transposed_table = NULL;
    n->store->transposed_count = (int)count;
    if (!count) goto done;
    TRY(buffer_new(n->device, total * sizeof(float), &n->store->transposed));
    TRY(buffer_new(n->device, count * 5 * sizeof *table, &n->store->transposed_table));
    TRY(buffer_write(n->store->transposed_table, 0, table, count * 5 * sizeof *table));
    for (size_t i = 0; i < n->store->parameters.count; i++) {
        parameter *p = n->store->parameters.item[i];
        if (!p->transposed_wanted) continue;
        size_t inputs = tensor_count(&p->tensor) / (size_t)p->tensor.shape.size[0];
        TRY(buffer_view(n->store->transposed, p->transposed_offset * sizeof(float),
                        inputs * (size_t)transposed_stride(&p->tensor) * sizeof(float), &p->transposed));
    }
done:
    free(table);
    return rc;
}

int parameters_place(net *n)
{
    int rc = OK;
    if (n->store->parameters_new) {
        TRY(parameters_recall(n));
        for (size_t i = 0; i < n->store->parameters.count; i++) parameter_unplace(n->store->parameters.item[i]);
        TRY(flat_place(n, &n->store->trained, PARAMETER_TRAINED));
        TRY(flat_place(n, &n->store->statistics, PARAMETER_STATISTIC));
    }
    if (n->store->parameters_new || n->store->transposed_new) {
        TRY(transposed_place(n));
        n->store->transposed_stale = true;
    }
    n->store->parameters_new = n->store->transposed_new = false;
done:
    return rc;
}

int parameters_transpose(net *n)
{
    if (!n->store->transposed_stale || !n->store->transposed_count) return OK;
    int rc = transpose_parameters(n->device, n->store->trained.values, n->store->transposed, n->store->transposed_table,
                                  n->store->transposed_count);
    if (!rc) n->store->transposed_stale = false;
    return rc;
}

int transposed_stride(const tensor *weight)
{
    return (weight->shape.size[0] + 15) / 16 * 16;
}

buffer *parameter_transposed(const tensor *weight)
{
    /* The tensor is the first member of its parameter. */
    return ((const parameter *)(const void *)weight)->transposed;
}

void parameters_free(net *n)
{
    for (size_t i = 0; i < n->store->parameters.count; i++) parameter_free(n->store->parameters.item[i]);
    for (size_t i = 0; i < n->store->constants.count; i++) {
        constant *c = n->store->constants.item[i];
        buffer_free(c->data);
        free(c->key);
        free(c);
    }
    free(n->store->parameters.item);
    free(n->store->constants.item);
    flat_free(&n->store->trained);
    flat_free(&n->store->statistics);
    buffer_free(n->store->transposed);
    buffer_free(n->store->transposed_table);
    free(n->store);
}

/* ---- constants -------------------------------------------------------------------------------------------------- */

static int constant_new(net *n, const char *key, shape s, void (*fill)(const void *user, float *values),
                        const void *user, constant **out)
{
    int rc = OK;
    float *values = NULL;
    constant *c = memory_new(1, sizeof *c);
    if (!c) return FAILED;
    c->plan.storage = STORED_AS_CONSTANT;
    TRY_NEW(c->key = text_copy(key));
    c->tensor = (tensor){.name = c->key, .element = ELEMENT_FLOAT, .shape = s, .plan = &c->plan};
    size_t count = tensor_count(&c->tensor);
    TRY_NEW(values = memory_new(count, sizeof *values));
    fill(user, values);
    TRY(buffer_new(n->device, count * sizeof *values, &c->data));
    TRY(buffer_write(c->data, 0, values, count * sizeof *values));
    c->tensor.data = c->data;
    TRY(list_add(&n->store->constants, c));
    *out = c;
    c = NULL;
done:
    free(values);
    if (c) {
        buffer_free(c->data);
        free(c->key);
        free(c);
    }
    return rc;
}

tensor *net_constant(net *n, const char *key, shape s, void (*fill)(const void *user, float *values), const void *user)
{
    if (n->error || !key) return NULL;
    for (size_t i = 0; i < n->store->constants.count; i++) {
        constant *c = n->store->constants.item[i];
        if (!strcmp(c->key, key) && same_shape(c->tensor.shape, s)) return &c->tensor;
    }
    constant *c = NULL;
    if (constant_new(n, key, s, fill, user, &c)) net_refuse(n, FAILED);
    return c ? &c->tensor : NULL;
}

/* ---- access ----------------------------------------------------------------------------------------------------- */

int net_parameter_count(const net *n)
{
    return (int)n->store->parameters.count;
}

tensor *net_parameter_at(const net *n, int i)
{
    return &((parameter *)n->store->parameters.item[i])->tensor;
}

enum parameter_role net_parameter_role(const net *n, int i)
{
    return ((parameter *)n->store->parameters.item[i])->role;
}

tensor *net_parameter_find(const net *n, const char *key)
{
    parameter *p = find(n, key);
    return p ? &p->tensor : NULL;
}

int net_parameter_write(net *n, tensor *t, const float *values)
{
    parameter *p = find(n, t->name);
    size_t bytes = tensor_count(t) * sizeof(float);
    n->store->transposed_stale = true;
    if (p->pending) {
        memcpy(p->pending, values, bytes);
        return OK;
    }
    /* Into the flat buffer itself, which the transposing kernel reads: one way to the same memory. */
    flat *f = p->role == PARAMETER_TRAINED ? &n->store->trained : &n->store->statistics;
    return buffer_write(f->values, p->offset * sizeof(float), values, bytes);
}

int net_parameter_read(net *n, const tensor *t, float *values)
{
    const parameter *p = find(n, t->name);
    size_t bytes = tensor_count(t) * sizeof(float);
    if (!p->pending) return buffer_read(t->data, 0, values, bytes);
    memcpy(values, p->pending, bytes);
    return OK;
}

int net_flat(net *n, buffer **values, buffer **gradients, size_t *count)
{
    int rc = parameters_place(n);
    *values = n->store->trained.values;
    *gradients = n->store->trained.gradients;
    *count = n->store->trained.count;
    return rc;
}

size_t net_flat_offset(const net *n, const tensor *t)
{
    return find(n, t->name)->offset;
}

void net_parameters_changed(net *n)
{
    n->store->transposed_stale = true;
}
