/* The OpenCL runtime: devices, programs, buffers, launches. Only src/rt includes CL/cl.h; a cl_int never leaves it.
 *
 * One device has one in-order queue. Nothing here waits for the device but buffer_read, device_finish and what says
 * so: a step is queued whole, and the host waits once, when it reads a result.
 *
 * Threads: a device, with all that was made on it, is used by one thread at a time (the source of buffer_write_later
 * is read by the device meanwhile). Two devices may be used by two threads. Buffers are freed before device_close.
 *
 * Environment, read at device_open: FURROW_DEVICE selects; FURROW_DEBUG=sync waits after each kernel and names the one
 * that failed, FURROW_DEBUG=profile times each kernel (sync,profile: both); FURROW_TILE=cpu|gpu forces a family of
 * kernel forms; FURROW_CACHE_DIR moves the caches; FURROW_CL_DIR loads kernel text from a folder instead of the
 * program; FURROW_BINARY_DIR loads programs from a folder that binaries_save wrote, and builds none. Read at the first
 * tune_choose of a key: FURROW_FORM="key-prefix=form,..." forces a form;
 * FURROW_TUNE=none: the first form of each is taken, unmeasured.
 *
 * Unless another code is named, what fails gives FAILED. */
#ifndef FURROW_RT_RT_H
#define FURROW_RT_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct device device;
typedef struct buffer buffer;
typedef struct kernel kernel;

/* ---- devices ---------------------------------------------------------------------------------------------------- */

enum device_kind { DEVICE_CPU, DEVICE_GPU, DEVICE_ACCELERATOR, DEVICE_OTHER };

/* Which family of kernel forms suits: TILE_CPU: one work-item a group, wide vectors, private or local arrays as
 * cache blocks. TILE_GPU: many narrow work-items that share local memory; also for CPUs whose vectors hold work-items.
 * From the device's limits, never its name. */
enum tile_family { TILE_CPU, TILE_GPU };

typedef struct device_info {
    int index; /* as `furrow devices` prints it */
    enum device_kind kind;
    char name[128], vendor[128], driver[128], version[128], platform[128];
    unsigned compute_units;
    unsigned base_alignment;                  /* bytes: the start of a buffer view must divide by it */
    unsigned vector_width;                    /* floats, native */
    size_t work_group_limit;                  /* items in a group */
    size_t local_memory;                      /* bytes a group may use */
    bool local_is_cache;                      /* local memory is global memory: CPUs */
    uint64_t global_memory, allocation_limit; /* bytes */
    uint64_t cache;                           /* bytes, in front of global memory; 0: none or unknown */
    bool available, compiler;
} device_info;

const char *device_kind_name(enum device_kind kind); /* "cpu", "gpu", "accelerator", "other" */

/* Every device of every platform, in a stable order. *list is freed with free(). */
int device_list(device_info **list, int *count);

/* selector: an index, part of a name (else of the platform's or version's name), cpu, gpu, accelerator or auto; case
 * does not matter. NULL, "" and "auto" mean FURROW_DEVICE where that is set. auto prefers a GPU, then an accelerator,
 * then the CPU; the first of several that fit is taken, with a note when a name was ambiguous. NO_DEVICE, with what
 * there is, when nothing fits; USAGE for a wrong FURROW_DEBUG or FURROW_TILE. */
int device_open(const char *selector, device **out);
/* Waits, saves the caches, logs the table of FURROW_DEBUG=profile as notes, frees. NULL is fine. */
void device_close(device *d);

const device_info *device_about(const device *d);
enum tile_family device_tiles(const device *d); /* honours FURROW_TILE */
int device_finish(device *d);                   /* waits; reports errors that surfaced late */

/* Programs that are only used while rehearsing (a self-test, the forms that tune_choose tries) are not kept on disk:
 * a later start does not need them, and keeping them is expensive. Returns the state before. */
bool device_rehearse(device *d, bool on);

bool device_usable(const device_info *info); /* available, with a compiler or FURROW_BINARY_DIR in its place */
bool device_compiles(const device *d);       /* false: programs come from FURROW_BINARY_DIR alone */

/* ---- buffers ---------------------------------------------------------------------------------------------------- */

/* Zero bytes make a valid buffer (of one byte); the contents are undefined. Refused with the size and the limit when
 * larger than allocation_limit, or when all buffers together would exceed global_memory. */
int buffer_new(device *d, size_t bytes, buffer **out);
/* A part of another buffer; start must divide by base_alignment. The parent lives until its views are gone. */
int buffer_view(buffer *parent, size_t start, size_t bytes, buffer **out);
void buffer_free(buffer *b); /* NULL is fine */
size_t buffer_size(const buffer *b);

/* All transfers are queued behind what was queued before; start counts in bytes from the view's own start.
 * buffer_write: source is free again on return. Up to 64 KiB are copied aside and nothing waits; a larger write waits
 * for the queue, so within a step use buffer_write_later. */
int buffer_write(buffer *b, size_t start, const void *source, size_t bytes);
int buffer_read(buffer *b, size_t start, void *target, size_t bytes);  /* waits */
int buffer_fill(buffer *b, size_t start, uint32_t word, size_t bytes); /* bytes divide by 4 */
int buffer_copy(buffer *from, size_t from_start, buffer *to, size_t to_start, size_t bytes);

/* Uploads that overlap with the host's work: queued like a kernel, so source must stay until the ticket is done. */
typedef struct ticket ticket;
int buffer_write_later(buffer *b, size_t start, const void *source, size_t bytes, ticket **out);
int ticket_wait(ticket *t); /* waits and frees */

/* ---- kernels and launches --------------------------------------------------------------------------------------- */

/* `program` names a file of cl/ without its ending; `options` are -D macros ("" for none) and belong to the program's
 * identity. Built as OpenCL C 1.2 at first use, kept for the device's life, cached on disk. Owned by the device. Cheap
 * to ask for again. A build that fails gives the kernel's and the file's name and the compiler's first error. */
int kernel_get(device *d, const char *program, const char *options, const char *name, kernel **out);

/* What the driver says of a built kernel, for choosing forms: the largest group it may run in, and the bytes of local
 * memory that it declares itself. */
int kernel_limits(kernel *k, size_t *work_group_limit, size_t *local_memory);

/* An argument carries its own size, so that an int is never passed where a size_t is wanted. */
typedef struct argument {
    enum { ARGUMENT_BUFFER, ARGUMENT_BYTES, ARGUMENT_LOCAL } kind;
    buffer *buffer;          /* NULL passes a null pointer */
    unsigned char bytes[16]; /* the value */
    size_t size;             /* of the value, or of local memory */
} argument;

argument arg_buffer(buffer *b);
argument arg_int(int32_t value);
argument arg_uint(uint32_t value);
argument arg_float(float value);
argument arg_local(size_t bytes); /* 0 counts as 1 */

/* What a launch costs, for profile and bench: 0 where it does not matter. */
typedef struct cost {
    double flops, bytes;
} cost;

/* Queues kernel over `groups` work-groups of `items` work-items in each of up to three dimensions (unused: 1).
 * A launch with a zero dimension is no launch. Checks group size and local memory against the device first. */
int launch(kernel *k, const size_t groups[3], const size_t items[3], cost c, const argument *arguments, int count);

/* One-dimensional groups: LAUNCH(k, groups, 1, 1, items, ((cost){flops, bytes}), arg_buffer(x), arg_int(n)); the cost
 * in parentheses of its own, because the preprocessor splits at its comma. */
#define LAUNCH(k, groups0, groups1, groups2, items, work, ...)                                                         \
    launch((k), (const size_t[3]){(groups0), (groups1), (groups2)}, (const size_t[3]){(items), 1, 1}, (work),          \
           (const argument[]){__VA_ARGS__}, (int)(sizeof((const argument[]){__VA_ARGS__}) / sizeof(argument)))

uint64_t device_flops(const device *d); /* what launches have counted since the device was opened */

/* ---- choosing forms by measuring -------------------------------------------------------------------------------- */

/* Which of `count` named forms is fastest for `key` (operation and shape, e.g. "gemm_nn 3072x128x132")? `run` queues
 * form i once; a form for which it fails is left out. Measured on first use, kept on disk per device, driver and
 * kernel text, and recorded; later calls answer from memory. Allowed to disturb only scratch data. */
int tune_choose(device *d, const char *key, const char *const *forms, int count, int (*run)(void *user, int form),
                void *user, int *chosen);
void tune_forget(device *d);                  /* imported choices too; measure again: devices --tune */
char *tune_export(const device *d);           /* JSON object {key: form} of what was used or imported; a new string */
int tune_import(device *d, const char *json); /* these choices win from now on (resume, re-runs); a form
                                                    that tune_choose is not offered is warned of and measured anew */

/* ---- CLBlast ---------------------------------------------------------------------------------------------------- */

/* C[m x n] = A B (+ C where accumulate), floats, row-major, without gaps: A is m x k, or k x m where transpose_a;
 * B is k x n, or n x k where transpose_b. The first product on a device takes seconds: CLBlast builds its kernels. */
int blas_gemm(device *d, bool transpose_a, bool transpose_b, int m, int n, int k, buffer *a, buffer *b, buffer *c,
              bool accumulate);

/* CLBlast builds programs of its own: not where programs come from a folder, or go into one. */
bool blas_allowed(const device *d);

/* ---- programs in a folder: for devices without a compiler --------------------------------------------------------- */

/* From here on what is launched, other than in rehearsals, shall be fit for binaries_save: no CLBlast, and no choice of
 * forms is kept on disk. */
void binaries_collect(device *d);
/* A program that must be there too though nothing may have launched it here. */
int binaries_want(device *d, const char *program, const char *options, const char *kernel);

typedef struct binaries_summary {
    int programs, kernels;
    size_t bytes;
} binaries_summary;

/* Writes into `folder` the binary and the text of every program that was launched, and the index programs.json: device,
 * driver, options, a hash of each text, the forms chosen, the self-test's results. made_by: the command that does it, for
 * messages. Waits. */
int binaries_save(device *d, const char *folder, const char *made_by, binaries_summary *out);

/* ---- small facts remembered per device + driver + kernel text (self-test results) -------------------------------- */

int memo_get(device *d, const char *key, char *value, size_t size); /* FAILED when unknown, no message */
int memo_set(device *d, const char *key, const char *value);

#endif
