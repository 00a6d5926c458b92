/* Opening, closing and waiting for a device. */
#include "rt/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"

enum {
    FLUSH_EVERY = 32,  /* commands: often enough to keep a device busy, rarely enough to cost nothing */
    SAVE_EVERY = 5000, /* milliseconds between saves of the choices of forms while work goes on */
};

/* ---- the environment -------------------------------------------------------------------------------------------- */

static int read_debug(device *d)
{
    const char *text = getenv("FURROW_DEBUG");
    while (text && *text) {
        size_t length = strcspn(text, ",");
        if (length == 4 && !strncmp(text, "sync", 4))
            d->sync = true;
        else if (length == 7 && !strncmp(text, "profile", 7))
            d->profiling = true;
        else if (length)
            return fail(USAGE, "FURROW_DEBUG: unknown word \"%.*s\"; wanted sync, profile or both with a comma",
                        (int)length, text);
        text += length;
        if (*text == ',') text++;
    }
    return OK;
}

/* A native vector of one float on a CPU: its driver puts neighbouring work-items into the lanes of its vectors, as GPUs
 * do, and takes a kernel's own vectors apart into as many instructions (Mesa's llvmpipe). */
static enum tile_family tiles_that_suit(const device_info *about)
{
    const bool is_cpu = about->local_is_cache || about->kind == DEVICE_CPU;
    return is_cpu && about->vector_width > 1 ? TILE_CPU : TILE_GPU;
}

static int read_tiles(device *d)
{
    const char *text = getenv("FURROW_TILE");
    d->tiles = tiles_that_suit(&d->about);
    if (!text || !*text) return OK;
    if (!strcmp(text, "cpu"))
        d->tiles = TILE_CPU;
    else if (!strcmp(text, "gpu"))
        d->tiles = TILE_GPU;
    else
        return fail(USAGE, "FURROW_TILE is \"%s\"; wanted cpu or gpu", text);
    return OK;
}

static int read_environment(device *d)
{
    int rc = OK;
    TRY(read_debug(d));
    TRY(read_tiles(d));
    const char *folder = getenv("FURROW_CL_DIR");
    if (folder && *folder) TRY_NEW(d->text_folder = text_copy(folder));
done:
    return rc;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int require_version(const device_info *about)
{
    int major = 0, minor = 0;
    if (sscanf(about->version, "OpenCL %d.%d", &major, &minor) == 2 && (major > 1 || minor >= 2)) return OK;
    return fail(NO_DEVICE, "device %d (%s) offers \"%s\"; wanted OpenCL 1.2 or later", about->index, about->name,
                about->version);
}

static int open_queue(device *d, const found_device *found)
{
    cl_int status;
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)found->platform, 0};
    d->context = clCreateContext(properties, 1, &d->id, NULL, NULL, &status);
    if (!d->context) {
        status_fail(status, "opening device %d (%s)", d->about.index, d->about.name);
        return NO_DEVICE;
    }
    d->queue = clCreateCommandQueue(d->context, d->id, d->profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &status);
    if (!d->queue) {
        status_fail(status, "making a queue on device %d (%s)", d->about.index, d->about.name);
        return NO_DEVICE;
    }
    return OK;
}

static int identify(device *d)
{
    uint64_t h = hash_text(HASH_START, d->about.platform);
    h = hash_text(h, d->about.name);
    h = hash_text(h, d->about.version);
    d->identity = d->text_hash = hash_text(h, d->about.driver);
    return source_hash_all(d, &d->text_hash);
}

int device_open(const char *selector, device **out)
{
    int rc = OK, count = 0, chosen = 0;
    found_device *list = NULL;
    device *d = NULL;
    const char *environment = getenv("FURROW_DEVICE"), *binaries = getenv("FURROW_BINARY_DIR");
    *out = NULL;

    if (!selector || !*selector || !strcasecmp(selector, "auto")) selector = environment ? environment : "auto";
    TRY(platform_scan(&list, &count));
    TRY(platform_select(list, count, selector, &chosen));
    TRY_NEW(d = memory_new(1, sizeof *d));
    d->about = list[chosen].info;
    d->id = list[chosen].id;
    memcpy(d->item_limits, list[chosen].item_limits, sizeof d->item_limits);
    TRY(read_environment(d));
    TRY(require_version(&d->about));
    TRY(identify(d));
    TRY(open_queue(d, &list[chosen]));
    if (binaries && *binaries) TRY(binaries_open(d, binaries));
    if (d->profiling) TRY(profile_new(&d->profile));
    d->opened_at = d->saved_at = clock_milliseconds();
    *out = d;
    d = NULL;
done:
    device_close(d);
    free(list);
    return rc;
}

/* A wait that failed is tried again: kernels must not be released under a command that still runs them, which PoCL 3.1
 * does not survive. */
static bool has_ended(cl_command_queue queue)
{
    return clFinish(queue) == CL_SUCCESS || clFinish(queue) == CL_SUCCESS;
}

void device_close(device *d)
{
    if (!d) return;
    if (d->queue && has_ended(d->queue)) program_save_all(d);
    tuning_save(d);
    if (d->profile) {
        profile_collect(d->profile);
        profile_report(d->profile, d->about.name);
    }
    tuning_free(d);
    store_free(d->memo);
    profile_free(d->profile);
    staging_free(d->staging);
    program_free_all(d);
    binaries_close(d->binaries);
    blas_close(d);
    if (d->queue) clReleaseCommandQueue(d->queue);
    if (d->context) clReleaseContext(d->context);
    free(d->text_folder);
    free(d);
}

/* ---- asking and waiting ----------------------------------------------------------------------------------------- */

const device_info *device_about(const device *d)
{
    return &d->about;
}

enum tile_family device_tiles(const device *d)
{
    return d->tiles;
}

uint64_t device_flops(const device *d)
{
    return (uint64_t)d->flops;
}

bool device_compiles(const device *d)
{
    return d->binaries == NULL;
}

bool device_rehearse(device *d, bool on)
{
    bool before = d->rehearsing;
    d->rehearsing = on;
    return before;
}

void device_queued(device *d)
{
    if (++d->unflushed < FLUSH_EVERY) return;
    clFlush(d->queue);
    d->unflushed = 0;
}

int device_idle(device *d)
{
    d->unflushed = 0;
    if (clock_milliseconds() - d->saved_at > SAVE_EVERY) {
        tuning_save(d);
        d->saved_at = clock_milliseconds();
    }
    return d->profile ? profile_collect(d->profile) : OK;
}

int device_finish(device *d)
{
    cl_int status = clFinish(d->queue);
    if (status != CL_SUCCESS)
        return status_fail(status,
                           "waiting for %s: a kernel or copy that was queued before failed "
                           "(FURROW_DEBUG=sync names the kernel)",
                           d->about.name);
    return device_idle(d);
}
