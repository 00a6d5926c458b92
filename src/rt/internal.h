/* What the rooms of the runtime share. Nobody outside src/rt includes this file or CL/cl.h. */
#ifndef FURROW_RT_INTERNAL_H
#define FURROW_RT_INTERNAL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <cjson/cJSON.h>

#include "base/error.h"
#include "rt/rt.h"

/* ---- status.c: OpenCL's codes as messages ----------------------------------------------------------------------- */

const char *status_name(cl_int status); /* "CL_OUT_OF_RESOURCES" */

/* fail(FAILED, "<formatted>: CL_OUT_OF_RESOURCES (-5)[; a hint]") */
int status_fail(cl_int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- platform.c: what there is ---------------------------------------------------------------------------------- */

typedef struct found_device {
    device_info info;
    cl_platform_id platform;
    cl_device_id id;
    size_t item_limits[3];
} found_device;

int platform_scan(found_device **list, int *count);                                          /* freed with free() */
int platform_select(const found_device *list, int count, const char *selector, int *chosen); /* select.c */

/* ---- device ----------------------------------------------------------------------------------------------------- */

typedef struct program program;
struct staging;
struct profile;
struct tuning;
struct store;

struct device {
    device_info about;
    cl_device_id id;
    size_t item_limits[3];
    cl_context context;
    cl_command_queue queue;
    enum tile_family tiles;
    bool sync, profiling; /* FURROW_DEBUG */
    char *text_folder;    /* FURROW_CL_DIR; NULL: the embedded text */
    uint64_t identity;    /* hash of platform, device name and driver: what a binary depends on */
    uint64_t text_hash;   /* of identity and all kernel text: what measurements depend on */
    uint64_t allocated;   /* bytes in buffers */
    double flops;
    unsigned unflushed; /* commands since the queue was last flushed */
    program **programs;
    size_t program_count, program_capacity;
    kernel **kernels;
    size_t kernel_count, kernel_capacity;
    struct binaries *binaries;   /* FURROW_BINARY_DIR: the only source of programs; NULL: none */
    bool collecting;             /* binaries_collect */
    bool compiled;               /* some program was built that was in no cache, not even the driver's */
    bool rehearsing;             /* device_rehearse */
    int64_t opened_at, saved_at; /* milliseconds (base/clock.h); saved: the choices of forms */
    bool cache_warned, compile_announced, tune_announced, save_announced, blas_used;
    bool limits_tested, limits_believed; /* does the driver report sensible limits of kernels? limits.c */
    struct staging *staging;
    struct profile *profile;
    struct tuning *tuning;
    struct store *memo;
};

void device_queued(device *d); /* after each command: flushes now and then, so that the device starts */
int device_idle(device *d);    /* the queue is empty: collect profile events, save choices now and then */

/* ---- buffers ---------------------------------------------------------------------------------------------------- */

struct buffer {
    device *device;
    cl_mem id;
    size_t size;
    buffer *root;   /* of a view: the whole buffer; else NULL */
    size_t start;   /* of a view, in its root */
    unsigned users; /* itself while not freed, and its views */
};

void staging_free(struct staging *s);

/* ---- programs and kernels --------------------------------------------------------------------------------------- */

struct program {
    device *device;
    char *name, *options;
    cl_program id;
    uint64_t key;       /* of the cache entry */
    uint64_t *variants; /* kernel and group size pairs that its binary holds, or will when saved */
    size_t variant_count, variant_capacity;
    uint64_t text_hash; /* of the text alone */
    bool dirty, wanted; /* wanted: launched other than in a rehearsal */
};

struct kernel {
    device *device;
    program *program;
    char *name;
    uint64_t lookup; /* hash of program, options and name */
    cl_kernel id;
    cl_uint arguments;
    size_t group_limit, local_memory; /* local memory: what the kernel declares itself */
    uint64_t last_variant;
    size_t work_group; /* items of the largest group it was launched in */
    int profile_row;   /* -1: none yet */
};

int limits_ask(kernel *k); /* fills in arguments, group_limit, local_memory */

/* The program, built at first use. */
int program_get(device *d, const char *name, const char *options, program **out);
#define PROGRAM_LANGUAGE "-cl-std=CL1.2" /* in front of every program's own options */
#define LIMITS_PROGRAM   "limits"        /* limits.c */

/* The text of cl/<name>.cl with its #includes put in, each once; a new string. */
int source_load(const device *d, const char *name, char **out);
int source_hash_all(const device *d, uint64_t *hash); /* of every kernel file, in the order of names */

/* A launch of `k` with these sizes is about to be queued: note what the driver may compile for it. */
int program_launched(kernel *k, const size_t items[3], const size_t global[3]);
void program_save_all(device *d); /* only while the queue is empty */
void program_free_all(device *d);

/* Cache entries: binary and variants under a key. Reading says false for whatever is not a whole entry of this key. */
bool program_cache_read(device *d, uint64_t key, unsigned char **binary, size_t *length, uint64_t **variants,
                        size_t *variant_count);
void program_cache_write(device *d, uint64_t key, const unsigned char *binary, size_t length, const uint64_t *variants,
                         size_t variant_count);

/* ---- binaries in a folder: FURROW_BINARY_DIR ---------------------------------------------------------------------- */

int binaries_open(device *d, const char *folder); /* reads the index; into d->binaries. Refuses another device's */
void binaries_close(struct binaries *b);
/* The file of the program `p`. FAILED, naming it and what makes it, when the folder does not hold it. */
int binaries_read(const program *p, unsigned char **binary, size_t *length);
/* What was chosen for a key, and what was found out about the device, where they were made; NULL: nothing. */
const char *binaries_form(const struct binaries *b, const char *key);
const char *binaries_fact(const struct binaries *b, const char *key);

/* ---- profile ---------------------------------------------------------------------------------------------------- */

int profile_new(struct profile **out);
int profile_row(struct profile *p, const char *name, const char *options, int *row); /* found, or made */
int profile_add(struct profile *p, int row, cl_event event, cost c);                 /* takes the event */
int profile_collect(struct profile *p);                          /* waits for the events that are pending */
void profile_report(struct profile *p, const char *device_name); /* the table, through log_note */
void profile_free(struct profile *p);

/* ---- facts on disk ---------------------------------------------------------------------------------------------- */

/* key -> text, in <cache folder>/<kind>-<text hash>.json. A file that cannot be read counts as empty. */
int store_open(device *d, const char *kind, struct store **out);
const char *store_get(const struct store *s, const char *key); /* NULL: unknown */
int store_set(struct store *s, const char *key, const char *value);
void store_clear(struct store *s);
const cJSON *store_entries(const struct store *s);
void store_save(device *d, struct store *s); /* when changed; keeps what others wrote meanwhile */
void store_free(struct store *s);

void cache_warn(device *d); /* once a device: the cache cannot be written, error_message() says why */
void tuning_save(device *d);
void tuning_free(device *d);
void blas_close(device *d);

#endif
