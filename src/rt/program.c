/* Programs and kernels: built at first use from source or from the disk cache, kept for the device's life. */
#include "rt/internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"

enum {
    LOG_EXCERPT = 900, /* characters of a compiler's log that fit a message */
    REAL_BUILD = 100,  /* milliseconds of this thread: a build that takes more did not come from a driver's own cache */
    SAVE_TIME = 500,   /* milliseconds in which saving may start new entries */
    SLOW_SAVE = 300,   /* milliseconds of this thread: a driver that takes longer for one binary compiles it */
    LONG_RUN = 60000,  /* milliseconds: a run that may spend a tenth of its time on saving */
};

/* ---- building --------------------------------------------------------------------------------------------------- */

/* The compiler's words, from the first line that has an error in it. A new string, or NULL. */
static char *build_log(const program *p)
{
    size_t size = 0;
    if (clGetProgramBuildInfo(p->id, p->device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) != CL_SUCCESS) return NULL;
    char *log = memory_new(size + 1, 1);
    if (!log) return NULL;
    clGetProgramBuildInfo(p->id, p->device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    char *error = strstr(log, "error");
    while (error && error > log && error[-1] != '\n') error--;
    if (error) memmove(log, error, strlen(error) + 1);
    if (strlen(log) > LOG_EXCERPT) memcpy(log + LOG_EXCERPT, " ...", 5);
    return log;
}

static int build_failed(const program *p, cl_int status)
{
    char *log = build_log(p);
    int rc = fail(FAILED, "cl/%s.cl does not build on %s with \"%s\": %s (%d):\n%s", p->name, p->device->about.name,
                  p->options, status_name(status), status, log && *log ? log : "(the compiler says nothing)");
    free(log);
    return rc;
}

static cl_int build(program *p)
{
    char *options = text_format(PROGRAM_LANGUAGE " %s", p->options);
    if (!options) return CL_OUT_OF_HOST_MEMORY;
    cl_int status = clBuildProgram(p->id, 1, &p->device->id, options, NULL, NULL);
    free(options);
    return status;
}

static cl_int load_binary(program *p, const unsigned char *binary, size_t length)
{
    cl_int status, loaded = CL_SUCCESS;
    p->id = clCreateProgramWithBinary(p->device->context, 1, &p->device->id, &length, &binary, &loaded, &status);
    if (p->id && status == CL_SUCCESS) status = loaded;
    if (p->id && status == CL_SUCCESS) status = build(p);
    if (status == CL_SUCCESS) return status;
    if (p->id) clReleaseProgram(p->id);
    p->id = NULL;
    return status;
}

/* False, with nothing said, when there is no whole entry or the driver does not take it. */
static bool build_from_cache(program *p)
{
    unsigned char *binary = NULL;
    size_t length = 0;
    if (!program_cache_read(p->device, p->key, &binary, &length, &p->variants, &p->variant_count)) return false;
    p->variant_capacity = p->variant_count;
    cl_int status = load_binary(p, binary, length);
    free(binary);
    if (status == CL_SUCCESS) return true;
    p->variant_count = 0;
    return false;
}

/* From FURROW_BINARY_DIR, and from nowhere else. */
static int build_from_folder(program *p)
{
    unsigned char *binary = NULL;
    size_t length = 0;
    int rc = binaries_read(p, &binary, &length);
    if (rc) return rc;
    cl_int status = load_binary(p, binary, length);
    free(binary);
    if (status == CL_SUCCESS) return OK;
    return status_fail(status, "the binary of cl/%s.cl with \"%s\" in FURROW_BINARY_DIR is not taken by %s", p->name,
                       p->options, p->device->about.name);
}

/* Computing time, which does not grow when others use the machine. */
static int64_t thread_milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int build_from_source(program *p, const char *text)
{
    device *d = p->device;
    cl_int status;
    if (!d->compile_announced) log_note("compiling kernels for %s; the result is kept", d->about.name);
    d->compile_announced = true;
    p->id = clCreateProgramWithSource(d->context, 1, &text, NULL, &status);
    if (!p->id) return status_fail(status, "cl/%s.cl on %s", p->name, d->about.name);
    int64_t from = thread_milliseconds();
    if ((status = build(p)) != CL_SUCCESS) return build_failed(p, status);
    if (thread_milliseconds() - from > REAL_BUILD) d->compiled = true;
    p->dirty = true;
    return OK;
}

static void program_free(program *p)
{
    if (!p) return;
    if (p->id) clReleaseProgram(p->id);
    free(p->variants);
    free(p->name);
    free(p->options);
    free(p);
}

static int program_new(device *d, const char *name, const char *options, program **out)
{
    int rc = OK;
    char *text = NULL;
    program *p = memory_new(1, sizeof *p);
    TRY_NEW(p);
    p->device = d;
    TRY_NEW(p->name = text_copy(name));
    TRY_NEW(p->options = text_copy(options));
    TRY(source_load(d, name, &text));
    p->key = hash_text(hash_text(hash_text(d->identity, PROGRAM_LANGUAGE), options), text);
    p->text_hash = hash_text(HASH_START, text);
    if (d->binaries)
        TRY(build_from_folder(p));
    else if (!build_from_cache(p))
        TRY(build_from_source(p, text));
    void *programs = d->programs;
    rc = memory_grow(&programs, &d->program_capacity, d->program_count + 1, sizeof *d->programs);
    d->programs = programs;
    if (rc) goto done;
    d->programs[d->program_count++] = *out = p;
    p = NULL;
done:
    free(text);
    program_free(p);
    return rc;
}

int program_get(device *d, const char *name, const char *options, program **out)
{
    for (size_t i = 0; i < d->program_count; i++)
        if (!strcmp(d->programs[i]->name, name) && !strcmp(d->programs[i]->options, options)) {
            *out = d->programs[i];
            return OK;
        }
    return program_new(d, name, options, out);
}

/* ---- saving ----------------------------------------------------------------------------------------------------- */

static void program_save(program *p)
{
    size_t length = 0;
    if (clGetProgramInfo(p->id, CL_PROGRAM_BINARY_SIZES, sizeof length, &length, NULL) != CL_SUCCESS || !length) return;
    unsigned char *binary = memory_new(length, 1);
    if (!binary) return;
    if (clGetProgramInfo(p->id, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        program_cache_write(p->device, p->key, binary, length, p->variants, p->variant_count);
    free(binary);
}

/* The program with something worth keeping that has the fewest kernels, or NULL. */
static program *next_to_save(const device *d)
{
    program *best = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < d->program_count; i++) {
        program *p = d->programs[i];
        size_t kernels = 0;
        if (!p->dirty || !p->wanted || d->binaries) continue;
        clGetProgramInfo(p->id, CL_PROGRAM_NUM_KERNELS, sizeof kernels, &kernels, NULL);
        if (best && kernels >= least) continue;
        best = p;
        least = kernels;
    }
    return best;
}

/* Asking PoCL for a binary makes it compile every kernel of the program once more, for any group size: as slow as all
 * compiling before it. PoCL has a cache of its own, which makes the next start nearly as quick as ours would. So what
 * only rehearsed is left out, small programs come first, and with a driver that once was slow to hand out a binary
 * (remembered) only long runs save. Nobody who pressed Ctrl-C waits for it. */
void program_save_all(device *d)
{
    char speed[8];
    int64_t from = clock_milliseconds(), open = from - d->opened_at;
    bool slow = next_to_save(d) && !memo_get(d, "binaries", speed, sizeof speed);
    program *p;
    while (!interrupt_requested() && (p = next_to_save(d))) {
        int64_t budget = open > LONG_RUN ? open / 10 : slow ? 0 : SAVE_TIME, before = thread_milliseconds();
        if (clock_milliseconds() - from >= budget) break;
        if (d->compiled && !d->save_announced) log_note("keeping the compiled kernels of %s", d->about.name);
        d->save_announced = true;
        program_save(p);
        p->dirty = false;
        if (slow || thread_milliseconds() - before <= SLOW_SAVE) continue;
        slow = true;
        memo_set(d, "binaries", "slow");
    }
}

/* PoCL compiles a kernel again when it is first launched with a group size (and again for launches of 65,535 items or
 * more), which takes longer than the build, and puts the result into the program's binary. So a binary is worth saving
 * when a pair of kernel and group size has run that it does not hold yet; other drivers lose nothing by this. */
int program_launched(kernel *k, const size_t items[3], const size_t global[3])
{
    program *p = k->program;
    const size_t group = items[0] * items[1] * items[2];
    if (!p->device->rehearsing) p->wanted = true;
    if (!p->device->rehearsing && group > k->work_group) k->work_group = group;
    uint64_t large = global[0] >= 65535 || global[1] >= 65535 || global[2] >= 65535;
    uint64_t variant = hash_bytes(hash_bytes(hash_text(HASH_START, k->name), items, 3 * sizeof *items), &large, 8);
    if (variant == k->last_variant) return OK;
    k->last_variant = variant;
    for (size_t i = 0; i < p->variant_count; i++)
        if (p->variants[i] == variant) return OK;
    void *variants = p->variants;
    int rc = memory_grow(&variants, &p->variant_capacity, p->variant_count + 1, sizeof *p->variants);
    p->variants = variants;
    if (rc) return rc;
    p->variants[p->variant_count++] = variant;
    p->dirty = true;
    return OK;
}

/* ---- kernels ---------------------------------------------------------------------------------------------------- */

static void kernel_free(kernel *k)
{
    if (!k) return;
    if (k->id) clReleaseKernel(k->id);
    free(k->name);
    free(k);
}

static int kernel_new(program *p, const char *name, uint64_t lookup, kernel **out)
{
    int rc = OK;
    cl_int status;
    device *d = p->device;
    kernel *k = memory_new(1, sizeof *k);
    TRY_NEW(k);
    *k = (kernel){.device = d, .program = p, .lookup = lookup, .profile_row = -1};
    TRY_NEW(k->name = text_copy(name));
    k->id = clCreateKernel(p->id, name, &status);
    if (!k->id) {
        rc = status == CL_INVALID_KERNEL_NAME
                 ? fail(FAILED, "cl/%s.cl built with \"%s\" has no kernel %s", p->name, p->options, name)
                 : status_fail(status, "kernel %s of cl/%s.cl", name, p->name);
        goto done;
    }
    TRY(limits_ask(k));
    void *kernels = d->kernels;
    rc = memory_grow(&kernels, &d->kernel_capacity, d->kernel_count + 1, sizeof *d->kernels);
    d->kernels = kernels;
    if (rc) goto done;
    d->kernels[d->kernel_count++] = *out = k;
    k = NULL;
done:
    kernel_free(k);
    return rc;
}

int kernel_get(device *d, const char *program_name, const char *options, const char *name, kernel **out)
{
    int rc = OK;
    program *p = NULL;
    uint64_t lookup = hash_text(hash_text(hash_text(HASH_START, program_name), options), name);
    *out = NULL;
    for (size_t i = 0; i < d->kernel_count; i++) {
        kernel *k = d->kernels[i];
        if (k->lookup != lookup || strcmp(k->name, name)) continue;
        if (strcmp(k->program->name, program_name) || strcmp(k->program->options, options)) continue;
        *out = k;
        return OK;
    }
    TRY(program_get(d, program_name, options, &p));
    TRY(kernel_new(p, name, lookup, out));
done:
    return rc ? fail_within(rc, "kernel %s", name) : OK;
}

void program_free_all(device *d)
{
    for (size_t i = 0; i < d->kernel_count; i++) kernel_free(d->kernels[i]);
    for (size_t i = 0; i < d->program_count; i++) program_free(d->programs[i]);
    free(d->kernels);
    free(d->programs);
    d->kernel_count = d->program_count = 0;
}
