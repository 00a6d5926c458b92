/* Stands in front of Oclgrind, preloaded by test-devices.sh.
 *
 * Oclgrind 21.10 (ShadowMemory::allocate) takes the bytes of any write by the host for the whole of the buffer and forgets
 * what it knew of the rest: every part of a buffer that is written alone then looks uninitialised. Here a buffer is
 * written whole as it is made, and parts are written through a mapping, which leaves that knowledge alone. So reads of
 * private and local memory that nobody wrote are found; global memory is poisoned by net_poison in the tests. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *status)
{
    cl_mem (*real)(cl_context, cl_mem_flags, size_t, void *, cl_int *) = dlsym(RTLD_NEXT, "clCreateBuffer");
    if (host) return real(context, flags, size, host, status);
    char *anything = malloc(size ? size : 1);
    if (!anything) abort();
    memset(anything, 0xff, size);
    cl_mem made = real(context, flags | CL_MEM_COPY_HOST_PTR, size, anything, status);
    free(anything);
    return made;
}

static void *map(cl_command_queue queue, cl_mem buffer, size_t start, size_t bytes)
{
    cl_int status;
    void *at =
        clEnqueueMapBuffer(queue, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, start, bytes, 0, NULL, NULL, &status);
    if (status) abort();
    return at;
}

static cl_int unmap(cl_command_queue queue, cl_mem buffer, void *at, cl_event *done)
{
    cl_int status = clEnqueueUnmapMemObject(queue, buffer, at, 0, NULL, done);
    return status ? status : clFinish(queue);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t start, size_t bytes,
                            const void *source, cl_uint waits, const cl_event *wait, cl_event *done)
{
    (void)blocking, (void)waits, (void)wait; /* in order */
    void *at = map(queue, buffer, start, bytes);
    memcpy(at, source, bytes);
    return unmap(queue, buffer, at, done);
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer, const void *pattern, size_t size, size_t start,
                           size_t bytes, cl_uint waits, const cl_event *wait, cl_event *done)
{
    (void)waits, (void)wait;
    char *at = map(queue, buffer, start, bytes);
    for (size_t i = 0; i < bytes; i += size) memcpy(at + i, pattern, size);
    return unmap(queue, buffer, at, done);
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_start, size_t to_start,
                           size_t bytes, cl_uint waits, const cl_event *wait, cl_event *done)
{
    (void)waits, (void)wait;
    char *copy = malloc(bytes ? bytes : 1);
    if (!copy) abort();
    cl_int status = clEnqueueReadBuffer(queue, from, CL_TRUE, from_start, bytes, copy, 0, NULL, NULL);
    if (!status) status = clEnqueueWriteBuffer(queue, to, CL_TRUE, to_start, bytes, copy, 0, NULL, done);
    free(copy);
    return status;
}
