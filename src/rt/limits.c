/* What the driver says a kernel may use, and whether to believe it. */
#include "rt/internal.h"

static int kernel_group_limit(cl_kernel k, cl_device_id id, size_t *limit)
{
    cl_int status = clGetKernelWorkGroupInfo(k, id, CL_KERNEL_WORK_GROUP_SIZE, sizeof *limit, limit, NULL);
    return status == CL_SUCCESS ? OK : status_fail(status, "asking for a kernel's work-group limit");
}

/* A kernel of cl/limits.cl; *out is released by the caller. */
static int limits_kernel(device *d, const char *name, cl_kernel *out)
{
    program *p = NULL;
    cl_int status;
    int rc = program_get(d, LIMITS_PROGRAM, "", &p);
    if (rc) return rc;
    *out = clCreateKernel(p->id, name, &status);
    return *out ? OK : status_fail(status, "kernel %s of cl/" LIMITS_PROGRAM ".cl", name);
}

/* The limit of a kernel that does nothing. */
static int empty_kernel_limit(device *d, size_t *limit)
{
    cl_kernel k = NULL;
    int rc = limits_kernel(d, "empty", &k);
    if (!rc) rc = kernel_group_limit(k, d->id, limit);
    if (k) clReleaseKernel(k);
    return rc;
}

/* A kernel's limit may be less than the device's because of its registers. A driver that limits a kernel that does
 * nothing reports something else there (Mesa 22's rusticl: the width of a subgroup): then the device's limit holds, and
 * the driver refuses what it cannot do. Asked once, of the devices that need it. */
static int believe_kernel_limits(device *d, bool *believe)
{
    int rc = OK;
    if (!d->limits_tested) {
        size_t limit = 0;
        TRY(empty_kernel_limit(d, &limit));
        d->limits_believed = limit >= d->about.work_group_limit;
        d->limits_tested = true;
    }
    *believe = d->limits_believed;
done:
    return rc;
}

/* How often the driver counts a byte of a kernel's own local memory: some count it twice (Mesa 22's rusticl). */
static int local_memory_factor(device *d, size_t *factor)
{
    cl_kernel k = NULL;
    cl_ulong bytes = 0;
    int rc = limits_kernel(d, "local_array", &k);
    if (rc) return rc;
    cl_int status = clGetKernelWorkGroupInfo(k, d->id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    clReleaseKernel(k);
    if (status != CL_SUCCESS) return status_fail(status, "a kernel with an array in local memory");
    *factor = bytes > 1024 && bytes % 1024 == 0 ? (size_t)bytes / 1024 : 1;
    return OK;
}

/* Asked before any argument is set: CL_KERNEL_LOCAL_MEM_SIZE counts __local arguments too. */
int limits_ask(kernel *k)
{
    int rc = OK;
    cl_ulong local = 0;
    device *d = k->device;
    bool believe = true;
    cl_int status = clGetKernelInfo(k->id, CL_KERNEL_NUM_ARGS, sizeof k->arguments, &k->arguments, NULL);
    if (status == CL_SUCCESS)
        status = clGetKernelWorkGroupInfo(k->id, d->id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    if (status != CL_SUCCESS) return status_fail(status, "asking for the limits of kernel %s", k->name);
    k->local_memory = (size_t)local;
    if (k->local_memory > d->about.local_memory) {
        size_t factor = 1;
        TRY(local_memory_factor(d, &factor));
        k->local_memory /= factor;
    }
    TRY(kernel_group_limit(k->id, d->id, &k->group_limit));
    if (k->group_limit < d->about.work_group_limit) TRY(believe_kernel_limits(d, &believe));
    if (!believe || k->group_limit > d->about.work_group_limit) k->group_limit = d->about.work_group_limit;
done:
    return rc;
}

int kernel_limits(kernel *k, size_t *work_group_limit, size_t *local_memory)
{
    *work_group_limit = k->group_limit;
    *local_memory = k->local_memory;
    return OK;
}
