/* Setting arguments and queueing a kernel. Everything that a device may object to is checked here first: some drivers
 * abort the process instead of returning a code (PoCL does, over local memory). */
#include "rt/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* ---- arguments -------------------------------------------------------------------------------------------------- */

static argument of_bytes(const void *value, size_t size)
{
    argument a = {.kind = ARGUMENT_BYTES, .size = size};
    memcpy(a.bytes, value, size);
    return a;
}

argument arg_buffer(buffer *b)
{
    return (argument){.kind = ARGUMENT_BUFFER, .buffer = b};
}

argument arg_int(int32_t value)
{
    return of_bytes(&value, sizeof value);
}

argument arg_uint(uint32_t value)
{
    return of_bytes(&value, sizeof value);
}

argument arg_float(float value)
{
    return of_bytes(&value, sizeof value);
}

argument arg_local(size_t bytes)
{
    return (argument){.kind = ARGUMENT_LOCAL, .size = bytes ? bytes : 1};
}

static cl_int set_argument(const kernel *k, cl_uint i, const argument *a)
{
    switch (a->kind) {
    case ARGUMENT_BUFFER: {
        cl_mem none = NULL;
        return clSetKernelArg(k->id, i, sizeof(cl_mem), a->buffer ? &a->buffer->id : &none);
    }
    case ARGUMENT_LOCAL: return clSetKernelArg(k->id, i, a->size, NULL);
    default: return clSetKernelArg(k->id, i, a->size, a->bytes);
    }
}

static const char *describe(const argument *a, char text[64])
{
    if (a->kind == ARGUMENT_BUFFER)
        snprintf(text, 64, "a buffer");
    else if (a->kind == ARGUMENT_LOCAL)
        snprintf(text, 64, "%zu bytes of local memory", a->size);
    else
        snprintf(text, 64, "a value of %zu bytes", a->size);
    return text;
}

static int set_arguments(const kernel *k, const argument *arguments, int count)
{
    char text[64];
    if (count < 0 || (cl_uint)count != k->arguments)
        return fail(FAILED, "kernel %s takes %u arguments, was given %d", k->name, k->arguments, count);
    for (int i = 0; i < count; i++) {
        const argument *a = &arguments[i];
        if (a->kind == ARGUMENT_BUFFER && a->buffer && a->buffer->device != k->device)
            return fail(FAILED, "kernel %s: argument %d is a buffer of another device", k->name, i);
        cl_int status = set_argument(k, (cl_uint)i, a);
        if (status != CL_SUCCESS)
            return status_fail(status, "kernel %s: argument %d cannot be %s", k->name, i, describe(a, text));
    }
    return OK;
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

static int check_group(const kernel *k, const size_t items[3])
{
    size_t group = 1;
    for (int i = 0; i < 3; i++) {
        if (items[i] > k->device->item_limits[i])
            return fail(FAILED, "kernel %s: %zu work-items in dimension %d of a group, %s allows %zu", k->name,
                        items[i], i, k->device->about.name, k->device->item_limits[i]);
        if (!size_multiply(group, items[i], &group)) group = SIZE_MAX;
    }
    if (group > k->group_limit)
        return fail(FAILED, "kernel %s: a work-group of %zu x %zu x %zu items is too large for %s, which allows %zu",
                    k->name, items[0], items[1], items[2], k->device->about.name, k->group_limit);
    return OK;
}

static int check_local(const kernel *k, const argument *arguments, int count)
{
    size_t bytes = k->local_memory;
    for (int i = 0; i < count; i++)
        if (arguments[i].kind == ARGUMENT_LOCAL && !size_add(bytes, arguments[i].size, &bytes)) bytes = SIZE_MAX;
    if (bytes <= k->device->about.local_memory) return OK;
    return fail(FAILED, "kernel %s wants %zu bytes of local memory, %s has %zu", k->name, bytes, k->device->about.name,
                k->device->about.local_memory);
}

static int total_items(const kernel *k, const size_t groups[3], const size_t items[3], size_t global[3])
{
    for (int i = 0; i < 3; i++)
        if (!size_multiply(groups[i], items[i], &global[i]))
            return fail(FAILED, "kernel %s: %zu groups of %zu work-items are too many", k->name, groups[i], items[i]);
    return OK;
}

/* ---- launching -------------------------------------------------------------------------------------------------- */

static int enqueue(kernel *k, const size_t global[3], const size_t items[3], cost c)
{
    device *d = k->device;
    cl_event event = NULL;
    cl_int status =
        clEnqueueNDRangeKernel(d->queue, k->id, 3, NULL, global, items, 0, NULL, d->profile ? &event : NULL);
    if (status != CL_SUCCESS) return status_fail(status, "queueing kernel %s on %s", k->name, d->about.name);
    d->flops += c.flops;
    device_queued(d);
    if (d->profile) {
        if (k->profile_row < 0) {
            int rc = profile_row(d->profile, k->name, k->program->options, &k->profile_row);
            if (rc) clReleaseEvent(event);
            if (rc) return rc;
        }
        return profile_add(d->profile, k->profile_row, event, c);
    }
    return OK;
}

static int finish_kernel(const kernel *k)
{
    cl_int status = clFinish(k->device->queue);
    return status == CL_SUCCESS ? OK : status_fail(status, "kernel %s on %s", k->name, k->device->about.name);
}

int launch(kernel *k, const size_t groups[3], const size_t items[3], cost c, const argument *arguments, int count)
{
    int rc = OK;
    size_t global[3];
    for (int i = 0; i < 3; i++)
        if (!groups[i] || !items[i]) return OK;
    TRY(total_items(k, groups, items, global));
    TRY(check_group(k, items));
    TRY(check_local(k, arguments, count));
    TRY(set_arguments(k, arguments, count));
    TRY(program_launched(k, items, global));
    TRY(enqueue(k, global, items, c));
    if (k->device->sync) TRY(finish_kernel(k));
done:
    return rc;
}
