/* Device memory: buffers, views of them, transfers.
 *
 * A view is an OpenCL sub-buffer, for kernels' sake; transfers go through the whole buffer with the view's start
 * added, because that is the path that every driver gets right. */
#include "rt/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- making and freeing ----------------------------------------------------------------------------------------- */

static int check_size(const device *d, size_t bytes)
{
    const device_info *about = &d->about;
    if (bytes > about->allocation_limit)
        return fail(FAILED, "a buffer of %zu bytes is too large for %s, which allows %" PRIu64 " bytes in one buffer",
                    bytes, about->name, about->allocation_limit);
    if (bytes > about->global_memory - d->allocated)
        return fail(FAILED,
                    "no memory for a buffer of %zu bytes on %s: %" PRIu64 " of its %" PRIu64
                    " bytes are in use; a smaller batch or memory_limit helps",
                    bytes, about->name, d->allocated, about->global_memory);
    return OK;
}

int buffer_new(device *d, size_t bytes, buffer **out)
{
    int rc = OK;
    cl_int status;
    buffer *b = NULL;
    size_t real = bytes ? bytes : 1;
    *out = NULL;
    TRY(check_size(d, real));
    TRY_NEW(b = memory_new(1, sizeof *b));
    *b = (buffer){.device = d, .size = bytes, .users = 1};
    b->id = clCreateBuffer(d->context, CL_MEM_READ_WRITE, real, NULL, &status);
    if (!b->id) {
        rc = status_fail(status, "a buffer of %zu bytes on %s", bytes, d->about.name);
        goto done;
    }
    d->allocated += real;
    *out = b;
    b = NULL;
done:
    free(b);
    return rc;
}

int buffer_view(buffer *parent, size_t start, size_t bytes, buffer **out)
{
    device *d = parent->device;
    buffer *root = parent->root ? parent->root : parent;
    cl_int status;
    *out = NULL;
    if (start > parent->size || bytes > parent->size - start)
        return fail(FAILED, "a view of %zu bytes from byte %zu does not lie in a buffer of %zu bytes", bytes, start,
                    parent->size);
    if (start % d->about.base_alignment)
        return fail(FAILED, "a view may not start at byte %zu: %s wants a multiple of %u", start, d->about.name,
                    d->about.base_alignment);
    if (!bytes) return buffer_new(d, 0, out); /* OpenCL has no empty sub-buffers */
    buffer *b = memory_new(1, sizeof *b);
    if (!b) return FAILED;
    *b = (buffer){.device = d, .size = bytes, .root = root, .start = parent->start + start, .users = 1};
    cl_buffer_region region = {b->start, bytes};
    b->id = clCreateSubBuffer(root->id, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &status);
    if (!b->id) {
        free(b);
        return status_fail(status, "a view of %zu bytes from byte %zu", bytes, start);
    }
    root->users++;
    *out = b;
    return OK;
}

static void release(buffer *b)
{
    if (--b->users) return;
    clReleaseMemObject(b->id);
    if (b->root)
        release(b->root);
    else
        b->device->allocated -= b->size ? b->size : 1;
    free(b);
}

void buffer_free(buffer *b)
{
    if (b) release(b);
}

size_t buffer_size(const buffer *b)
{
    return b->size;
}

/* ---- transfers -------------------------------------------------------------------------------------------------- */

static int check_range(const buffer *b, size_t start, size_t bytes, const char *what)
{
    if (start <= b->size && bytes <= b->size - start) return OK;
    return fail(FAILED, "%s %zu bytes at byte %zu of a buffer of %zu bytes", what, bytes, start, b->size);
}

static cl_mem whole(const buffer *b)
{
    return b->root ? b->root->id : b->id;
}

/* Small writes are copied into a ring of host memory, so that the caller goes on at once: a blocking write would wait
 * for every kernel queued before it. A slot is used again when its write is done, many writes later. */
enum { SLOTS = 32, SLOT_BYTES = 64 << 10 };

struct staging {
    unsigned char *memory;   /* SLOTS x SLOT_BYTES */
    cl_event writing[SLOTS]; /* NULL: the slot was never used */
    int next;
};

static int staging_get(device *d, struct staging **out)
{
    int rc = OK;
    struct staging *s = NULL;
    if (!d->staging) {
        TRY_NEW(s = memory_new(1, sizeof *s));
        TRY_NEW(s->memory = memory_new(SLOTS, SLOT_BYTES));
        d->staging = s;
        s = NULL;
    }
    *out = d->staging;
done:
    free(s);
    return rc;
}

void staging_free(struct staging *s)
{
    if (!s) return;
    for (int i = 0; i < SLOTS; i++)
        if (s->writing[i]) clReleaseEvent(s->writing[i]);
    free(s->memory);
    free(s);
}

static int write_staged(buffer *b, size_t start, const void *source, size_t bytes)
{
    device *d = b->device;
    struct staging *s;
    int rc = staging_get(d, &s);
    if (rc) return rc;
    cl_event *writing = &s->writing[s->next];
    unsigned char *slot = s->memory + (size_t)s->next * SLOT_BYTES;
    if (*writing) {
        cl_int waited = clWaitForEvents(1, writing);
        clReleaseEvent(*writing);
        *writing = NULL;
        if (waited != CL_SUCCESS) return status_fail(waited, "an earlier write to %s", d->about.name);
    }
    memcpy(slot, source, bytes);
    cl_int status = clEnqueueWriteBuffer(d->queue, whole(b), CL_FALSE, b->start + start, bytes, slot, 0, NULL, writing);
    if (status != CL_SUCCESS) return status_fail(status, "writing %zu bytes to %s", bytes, d->about.name);
    s->next = (s->next + 1) % SLOTS;
    device_queued(d);
    return OK;
}

int buffer_write(buffer *b, size_t start, const void *source, size_t bytes)
{
    device *d = b->device;
    int rc = check_range(b, start, bytes, "writing");
    if (rc || !bytes) return rc;
    if (bytes <= SLOT_BYTES) return write_staged(b, start, source, bytes);
    cl_int status = clEnqueueWriteBuffer(d->queue, whole(b), CL_TRUE, b->start + start, bytes, source, 0, NULL, NULL);
    if (status != CL_SUCCESS) return status_fail(status, "writing %zu bytes to %s", bytes, d->about.name);
    return device_idle(d);
}

int buffer_read(buffer *b, size_t start, void *target, size_t bytes)
{
    device *d = b->device;
    int rc = check_range(b, start, bytes, "reading");
    if (rc || !bytes) return rc;
    cl_int status = clEnqueueReadBuffer(d->queue, whole(b), CL_TRUE, b->start + start, bytes, target, 0, NULL, NULL);
    if (status != CL_SUCCESS)
        return status_fail(status,
                           "reading %zu bytes from %s: this read, or a kernel that was queued before it, "
                           "failed (FURROW_DEBUG=sync names the kernel)",
                           bytes, d->about.name);
    return device_idle(d);
}

int buffer_fill(buffer *b, size_t start, uint32_t word, size_t bytes)
{
    device *d = b->device;
    int rc = check_range(b, start, bytes, "filling");
    if (rc || !bytes) return rc;
    if (start % sizeof word || bytes % sizeof word)
        return fail(FAILED, "filling %zu bytes at byte %zu: wanted multiples of 4", bytes, start);
    cl_int status = clEnqueueFillBuffer(d->queue, whole(b), &word, sizeof word, b->start + start, bytes, 0, NULL, NULL);
    if (status != CL_SUCCESS) return status_fail(status, "filling %zu bytes on %s", bytes, d->about.name);
    device_queued(d);
    return OK;
}

int buffer_copy(buffer *from, size_t from_start, buffer *to, size_t to_start, size_t bytes)
{
    device *d = from->device;
    if (to->device != d) return fail(FAILED, "a copy from %s to another device's buffer", d->about.name);
    int rc = check_range(from, from_start, bytes, "copying from");
    if (!rc) rc = check_range(to, to_start, bytes, "copying to");
    if (rc || !bytes) return rc;
    cl_int status = clEnqueueCopyBuffer(d->queue, whole(from), whole(to), from->start + from_start,
                                        to->start + to_start, bytes, 0, NULL, NULL);
    if (status != CL_SUCCESS) return status_fail(status, "copying %zu bytes on %s", bytes, d->about.name);
    device_queued(d);
    return OK;
}

/* ---- uploads that overlap --------------------------------------------------------------------------------------- */

struct ticket {
    device *device;
    cl_event event; /* NULL: nothing was to do */
    size_t bytes;
};

int buffer_write_later(buffer *b, size_t start, const void *source, size_t bytes, ticket **out)
{
    int rc = OK;
    device *d = b->device;
    ticket *t = NULL;
    *out = NULL;
    TRY(check_range(b, start, bytes, "writing"));
    TRY_NEW(t = memory_new(1, sizeof *t));
    *t = (ticket){.device = d, .bytes = bytes};
    if (bytes) {
        cl_int status =
            clEnqueueWriteBuffer(d->queue, whole(b), CL_FALSE, b->start + start, bytes, source, 0, NULL, &t->event);
        if (status != CL_SUCCESS) {
            rc = status_fail(status, "writing %zu bytes to %s", bytes, d->about.name);
            goto done;
        }
        clFlush(d->queue);
        d->unflushed = 0;
    }
    *out = t;
    t = NULL;
done:
    free(t);
    return rc;
}

int ticket_wait(ticket *t)
{
    if (!t) return OK;
    cl_int status = t->event ? clWaitForEvents(1, &t->event) : CL_SUCCESS;
    int rc = OK;
    if (status != CL_SUCCESS)
        rc = status_fail(status, "writing %zu bytes to %s: this write, or what was queued before it, failed", t->bytes,
                         t->device->about.name);
    if (t->event) clReleaseEvent(t->event);
    free(t);
    return rc;
}
