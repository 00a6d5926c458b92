/* An OpenCL without a compiler, for LD_PRELOAD in front of the real one: devices say that they have none, and whoever
 * tries to make a program from source is refused, and written down in the file that NO_COMPILER_LOG names. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

static void write_down(const char *what)
{
    const char *path = getenv("NO_COMPILER_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%s\n", what);
    fclose(file);
}

cl_int clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t size, void *value, size_t *real_size)
{
    cl_int (*real)(cl_device_id, cl_device_info, size_t, void *, size_t *);
    void *address = dlsym(RTLD_NEXT, "clGetDeviceInfo");
    memcpy(&real, &address, sizeof real);
    cl_int status = real(id, what, size, value, real_size);
    if (what == CL_DEVICE_COMPILER_AVAILABLE && value && status == CL_SUCCESS) memset(value, 0, sizeof(cl_bool));
    return status;
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char **text, const size_t *length,
                                     cl_int *status)
{
    (void)context;
    (void)length;
    write_down(count ? text[0] : "a program of no text");
    if (status) *status = CL_COMPILER_NOT_AVAILABLE;
    return NULL;
}

cl_int clCompileProgram(cl_program p, cl_uint devices, const cl_device_id *device, const char *options, cl_uint headers,
                        const cl_program *header, const char **name, void(CL_CALLBACK *done)(cl_program, void *),
                        void *user)
{
    (void)p, (void)devices, (void)device, (void)options, (void)headers, (void)header, (void)name, (void)done,
        (void)user;
    write_down("clCompileProgram");
    return CL_COMPILER_NOT_AVAILABLE;
}
