/* FURROW_DEBUG=profile: time, calls, GFLOP/s and GB/s of each kernel, from the device's own clock. */
#include "rt/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum { PENDING_MAX = 1024 }; /* events kept before their times are fetched, which waits for them */

typedef struct row {
    char *name, *options;
    size_t calls;
    double nanoseconds, flops, bytes;
} row;

typedef struct pending {
    int row;
    cl_event event;
} pending;

struct profile {
    row *rows;
    size_t count, capacity;
    pending waiting[PENDING_MAX];
    int waiting_count;
};

int profile_new(struct profile **out)
{
    *out = memory_new(1, sizeof **out);
    return *out ? OK : FAILED;
}

int profile_row(struct profile *p, const char *name, const char *options, int *row_index)
{
    for (size_t i = 0; i < p->count; i++)
        if (!strcmp(p->rows[i].name, name) && !strcmp(p->rows[i].options, options)) {
            *row_index = (int)i;
            return OK;
        }
    void *rows = p->rows;
    int rc = memory_grow(&rows, &p->capacity, p->count + 1, sizeof *p->rows);
    p->rows = rows;
    if (rc) return rc;
    row *r = &p->rows[p->count];
    r->name = text_copy(name);
    r->options = text_copy(options);
    if (!r->name || !r->options) {
        free(r->name);
        free(r->options);
        return FAILED;
    }
    *row_index = (int)p->count++;
    return OK;
}

int profile_add(struct profile *p, int index, cl_event event, cost c)
{
    row *r = &p->rows[index];
    r->calls++;
    r->flops += c.flops;
    r->bytes += c.bytes;
    p->waiting[p->waiting_count++] = (pending){index, event};
    return p->waiting_count == PENDING_MAX ? profile_collect(p) : OK;
}

int profile_collect(struct profile *p)
{
    int rc = OK;
    for (int i = 0; i < p->waiting_count; i++) {
        pending *w = &p->waiting[i];
        cl_ulong from = 0, to = 0;
        cl_int status = clWaitForEvents(1, &w->event);
        if (status == CL_SUCCESS)
            status = clGetEventProfilingInfo(w->event, CL_PROFILING_COMMAND_START, sizeof from, &from, NULL);
        if (status == CL_SUCCESS)
            status = clGetEventProfilingInfo(w->event, CL_PROFILING_COMMAND_END, sizeof to, &to, NULL);
        if (status == CL_SUCCESS && to > from) p->rows[w->row].nanoseconds += (double)(to - from);
        if (status != CL_SUCCESS && !rc) rc = status_fail(status, "timing kernel %s", p->rows[w->row].name);
        clReleaseEvent(w->event);
    }
    p->waiting_count = 0;
    return rc;
}

static int slowest_first(const void *a, const void *b)
{
    double x = ((const row *)a)->nanoseconds, y = ((const row *)b)->nanoseconds;
    return (x < y) - (x > y);
}

/* Sorting moves the rows, so this comes last in a device's life. */
void profile_report(struct profile *p, const char *device_name)
{
    double total = 0;
    for (size_t i = 0; i < p->count; i++) total += p->rows[i].nanoseconds;
    if (p->count) qsort(p->rows, p->count, sizeof *p->rows, slowest_first);
    log_note("profile of %s: %.3f ms in kernels", device_name, total / 1e6);
    log_note("%10s %6s %8s %10s %9s %8s  %s", "ms", "share", "calls", "us/call", "GFLOP/s", "GB/s", "kernel");
    for (size_t i = 0; i < p->count; i++) {
        const row *r = &p->rows[i];
        double ns = r->nanoseconds > 0 ? r->nanoseconds : 1;
        log_note("%10.3f %5.1f%% %8zu %10.1f %9.1f %8.1f  %s %s", r->nanoseconds / 1e6,
                 total > 0 ? 100 * r->nanoseconds / total : 0.0, r->calls,
                 r->calls ? r->nanoseconds / 1e3 / (double)r->calls : 0.0, r->flops / ns, r->bytes / ns, r->name,
                 r->options);
    }
}

void profile_free(struct profile *p)
{
    if (!p) return;
    for (int i = 0; i < p->waiting_count; i++) clReleaseEvent(p->waiting[i].event);
    for (size_t i = 0; i < p->count; i++) {
        free(p->rows[i].name);
        free(p->rows[i].options);
    }
    free(p->rows);
    free(p);
}
