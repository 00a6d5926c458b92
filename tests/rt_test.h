/* What the runtime's tests share: a temporary folder with kernel text and caches, notes and warnings as they come, and
 * an OpenCL that lies on request.
 *
 * The functions named clX below stand in front of the OpenCL library's: they pass on to it unless `lie` says otherwise.
 * So a test can have a driver that fails late, a machine without platforms, a device with groups of one. */
#ifndef FURROW_TESTS_RT_TEST_H
#define FURROW_TESTS_RT_TEST_H

#define _GNU_SOURCE /* RTLD_NEXT: the OpenCL that would have been called */

#include <dlfcn.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "rt/kernel_text.h"
#include "rt/rt.h"

#include "tests/asserts.h"

/* The expression gives `code` and a message that has `part` in it. */
#define assert_refused(expression, code, part)                                                                         \
    do {                                                                                                               \
        assert_int_equal((expression), (code));                                                                        \
        assert_message(part);                                                                                          \
    } while (0)

/* ---- an OpenCL that lies ---------------------------------------------------------------------------------------- */

static struct {
    bool no_platforms, reject_binaries, other_driver;
    size_t device_group_limit; /* 0: the truth, here and below */
    size_t every_kernel_limit; /* of all kernels, but */
    size_t kernel_group_limit; /* of kernels with arguments */
    cl_ulong local_memory, global_memory;
    cl_device_type type;
    cl_uint vector_width;
    cl_int finish, read; /* returned after the real call; CL_SUCCESS: the truth */
} lie;

static device *test_device;
static int sources_built, binaries_loaded, finishes;

static inline void *real_function(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}

/* ISO C has no cast from void * to a function: copy the pointer. */
#define REAL(name, ...)                                                                                                \
    __VA_ARGS__;                                                                                                       \
    do {                                                                                                               \
        void *real_address = real_function(name);                                                                      \
        memcpy(&real, &real_address, sizeof real);                                                                     \
    } while (0)

cl_int clGetPlatformIDs(cl_uint room, cl_platform_id *ids, cl_uint *count)
{
    REAL("clGetPlatformIDs", cl_int(*real)(cl_uint, cl_platform_id *, cl_uint *));
    return lie.no_platforms ? -1001 : real(room, ids, count);
}

cl_int clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t size, void *value, size_t *real_size)
{
    REAL("clGetDeviceInfo", cl_int(*real)(cl_device_id, cl_device_info, size_t, void *, size_t *));
    cl_int status = real(id, what, size, value, real_size);
    if (!value) return status;
    if (what == CL_DEVICE_MAX_WORK_GROUP_SIZE && lie.device_group_limit) *(size_t *)value = lie.device_group_limit;
    if (what == CL_DEVICE_LOCAL_MEM_SIZE && lie.local_memory) *(cl_ulong *)value = lie.local_memory;
    if (what == CL_DEVICE_GLOBAL_MEM_SIZE && lie.global_memory) *(cl_ulong *)value = lie.global_memory;
    if (what == CL_DEVICE_LOCAL_MEM_TYPE && lie.type) *(cl_device_local_mem_type *)value = CL_LOCAL;
    if (what == CL_DEVICE_TYPE && lie.type) *(cl_device_type *)value = lie.type;
    if (what == CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT && lie.vector_width) *(cl_uint *)value = lie.vector_width;
    if (what == CL_DRIVER_VERSION && lie.other_driver) strcpy(value, "99.0");
    return status;
}

cl_int clGetKernelWorkGroupInfo(cl_kernel k, cl_device_id id, cl_kernel_work_group_info what, size_t size, void *value,
                                size_t *real_size)
{
    REAL("clGetKernelWorkGroupInfo",
         cl_int(*real)(cl_kernel, cl_device_id, cl_kernel_work_group_info, size_t, void *, size_t *));
    cl_int status = real(k, id, what, size, value, real_size);
    if (what != CL_KERNEL_WORK_GROUP_SIZE || !value) return status;
    cl_uint arguments = 0;
    clGetKernelInfo(k, CL_KERNEL_NUM_ARGS, sizeof arguments, &arguments, NULL);
    if (lie.every_kernel_limit) *(size_t *)value = lie.every_kernel_limit;
    if (lie.kernel_group_limit && arguments) *(size_t *)value = lie.kernel_group_limit;
    return status;
}

cl_program clCreateProgramWithSource(cl_context c, cl_uint count, const char **text, const size_t *lengths,
                                     cl_int *status)
{
    REAL("clCreateProgramWithSource", cl_program(*real)(cl_context, cl_uint, const char **, const size_t *, cl_int *));
    if (!strstr(text[0], "void empty(")) sources_built++; /* not the runtime's probe of the driver's limits */
    return real(c, count, text, lengths, status);
}

cl_program clCreateProgramWithBinary(cl_context c, cl_uint count, const cl_device_id *ids, const size_t *lengths,
                                     const unsigned char **binaries, cl_int *loaded, cl_int *status)
{
    REAL("clCreateProgramWithBinary", cl_program(*real)(cl_context, cl_uint, const cl_device_id *, const size_t *,
                                                        const unsigned char **, cl_int *, cl_int *));
    binaries_loaded++;
    if (!lie.reject_binaries) return real(c, count, ids, lengths, binaries, loaded, status);
    *status = CL_INVALID_BINARY;
    return NULL;
}

cl_int clFinish(cl_command_queue queue)
{
    REAL("clFinish", cl_int(*real)(cl_command_queue));
    cl_int status = real(queue);
    finishes++;
    return lie.finish != CL_SUCCESS ? lie.finish : status;
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem b, cl_bool wait, size_t start, size_t bytes, void *target,
                           cl_uint count, const cl_event *events, cl_event *event)
{
    REAL("clEnqueueReadBuffer", cl_int(*real)(cl_command_queue, cl_mem, cl_bool, size_t, size_t, void *, cl_uint,
                                              const cl_event *, cl_event *));
    cl_int status = real(queue, b, wait, start, bytes, target, count, events, event);
    return lie.read != CL_SUCCESS ? lie.read : status;
}

/* Nothing waited for the device. Oclgrind finishes whenever it flushes. */
static inline void assert_no_finish(void)
{
    if (strcmp(device_about(test_device)->platform, "Oclgrind")) assert_int_equal(finishes, 0);
}

/* ---- what was logged -------------------------------------------------------------------------------------------- */

static char notes[16384], warnings[16384];

static inline void keep_text(void *user, const char *text)
{
    char *all = user;
    size_t used = strlen(all);
    snprintf(all + used, sizeof notes - used, "%s\n", text);
}

static inline void keep_note(void *user, const char *text)
{
    (void)user;
    keep_text(notes, text);
}

static inline void keep_warning(void *user, const char *text)
{
    (void)user;
    keep_text(warnings, text);
}

static inline int occurrences(const char *text, const char *part)
{
    int count = 0;
    for (const char *p = text; (p = strstr(p, part)); p++) count++;
    return count;
}

/* ---- a temporary folder ----------------------------------------------------------------------------------------- */

static char *test_folder, *test_kernels, *test_cache; /* the folder, and its cl and cache */

static inline void folder_empty(const char *folder)
{
    char **names = NULL;
    size_t count = 0;
    if (folder_list(folder, "", &names, &count)) return;
    for (size_t i = 0; i < count; i++) {
        char *path = path_join(folder, names[i]);
        unlink(path);
        free(path);
    }
    folder_free(names, count);
}

static inline void write_kernels(const char *file, const char *text)
{
    char *path = path_join(test_kernels, file);
    assert_ok(file_write(path, text, strlen(text)));
    free(path);
}

/* The only entry of the cache whose name starts with `kind`; a new string. */
static inline char *cache_entry(const char *kind)
{
    char **names = NULL, *path = NULL;
    size_t count = 0;
    assert_ok(folder_list(test_cache, "", &names, &count));
    for (size_t i = 0; i < count; i++)
        if (!strncmp(names[i], kind, strlen(kind))) {
            assert_null(path);
            path = path_join(test_cache, names[i]);
        }
    folder_free(names, count);
    assert_non_null(path);
    return path;
}

/* Kernels that most tests use. */
static const char *const test_text =
    "#include \"shared.clh\"\n"
    "__kernel void scale(__global float *x, float factor, int n)\n"
    "{\n"
    "    for (int i = get_global_id(0); i < n; i += get_global_size(0)) x[i] = twice(x[i]) * factor * 0.5f;\n"
    "}\n"
    "__kernel void group_sum(__global const float *x, __global float *y, __local float *part)\n"
    "{\n"
    "    int l = get_local_id(0);\n"
    "    part[l] = x[get_global_id(0)];\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    if (l) return;\n"
    "    float sum = 0;\n"
    "    for (int i = 0; i < (int)get_local_size(0); i++) sum += part[i];\n"
    "    y[get_group_id(0)] = sum;\n"
    "}\n"
    "__kernel void declares_local(__global float *x)\n"
    "{\n"
    "    __local float part[1024];\n"
    "    part[get_local_id(0)] = x[0];\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    x[get_global_id(0)] = part[0];\n"
    "}\n"
    "__kernel void is_null(__global const float *x, __global int *y)\n"
    "{\n"
    "    y[0] = x == 0;\n"
    "}\n";

static inline int group_open(void **state)
{
    (void)state;
    const char *root = getenv("TMPDIR");
    log_listen(&(log_listener){.note = keep_note, .warning = keep_warning});
    test_folder = text_format("%s/furrow-test-XXXXXX", root ? root : "/tmp");
    if (!mkdtemp(test_folder)) return -1;
    test_kernels = path_join(test_folder, "cl");
    test_cache = path_join(test_folder, "cache");
    if (folder_make(test_kernels) || folder_make(test_cache)) return -1;
    setenv("FURROW_CL_DIR", test_kernels, 1);
    unsetenv("FURROW_TILE");
    unsetenv("FURROW_DEBUG");
    unsetenv("FURROW_FORM");
    return 0;
}

static inline int group_close(void **state)
{
    (void)state;
    folder_empty(test_kernels);
    folder_empty(test_cache);
    rmdir(test_kernels);
    rmdir(test_cache);
    rmdir(test_folder);
    free(test_kernels);
    free(test_cache);
    free(test_folder);
    log_listen(NULL);
    return 0;
}

/* Before each test: the truth, an empty cache, the kernels above, no device. */
static inline int test_start(void **state)
{
    (void)state;
    memset(&lie, 0, sizeof lie);
    notes[0] = warnings[0] = 0;
    setenv("FURROW_CACHE_DIR", test_cache, 1);
    folder_empty(test_cache);
    folder_empty(test_kernels);
    write_kernels("test.cl", test_text);
    write_kernels("limits.cl", kernel_text("limits.cl")); /* which the runtime itself may want */
    write_kernels("shared.clh", "inline float twice(float x) { return 2.0f * x; }\n");
    test_device = NULL;
    sources_built = binaries_loaded = finishes = 0;
    return 0;
}

static inline int test_end(void **state)
{
    (void)state;
    memset(&lie, 0, sizeof lie);
    device_close(test_device);
    test_device = NULL;
    unsetenv("FURROW_DEBUG");
    unsetenv("FURROW_TILE");
    unsetenv("FURROW_FORM");
    return 0;
}

/* Before each test that starts with an open device. */
static inline int test_start_open(void **state)
{
    test_start(state);
    assert_ok(device_open(NULL, &test_device));
    return 0;
}

static inline void reopen(void)
{
    device_close(test_device);
    test_device = NULL;
    assert_ok(device_open(NULL, &test_device));
}

#endif
