/* Makes one call fail: a library that is loaded before all others (LD_PRELOAD) and stands between furrow and what it
 * calls. So the program under test is the one that users get, without a hook of its own, and no call site can be
 * forgotten: whatever furrow's own code (or cJSON for it) calls is counted; what the C library, HDF5 or a driver call
 * among themselves is passed on uncounted.
 *
 * FAULT_KIND  memory, open (also folders, pipes, processes and threads), read, write, sync, rename, hdf5 or opencl
 * FAULT_AT    which call of that kind fails, from 1; 0: none, they are counted
 * FAULT_LOG   a file for the report: where it crashed, else "calls N", "live N" (allocations of furrow's own that were not
 *             freed at the end), "failed WHERE..." (return addresses in the program), and when counting "path N" for the
 *             first and "last N" for the last call of every way on which such a call is reached
 * FAULT_LEAKS set: the report also says "lost WHERE..." of each allocation that was not freed
 *
 * The wrappers of HDF5 and OpenCL pass on ten machine words whatever the function takes, which the calling conventions of
 * x86-64 and AArch64 on Linux allow, as none of the functions takes a real. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *memory);

enum { PATHS_MAX = 1 << 16, LIVE_MAX = 1 << 18, DEPTH = 24, WAY = 4 /* innermost calls that tell ways apart */ };

typedef struct range {
    uintptr_t start, end;
} range;

static range program, json;
static uintptr_t program_base;
static const char *kind;
static unsigned long at, calls;
static bool counting;
static struct {
    uint64_t hash;
    unsigned long first, last;
} paths[PATHS_MAX];
static void *failed_from[DEPTH];
static int failed_depth;
static uintptr_t live[LIVE_MAX];       /* open addressing; 1: was here, is gone */
static void *live_from[LIVE_MAX][WAY]; /* with FAULT_LEAKS */
static unsigned long live_count;
static bool leaks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool inside __attribute__((tls_model("initial-exec")));

/* ---- whose call it is ----------------------------------------------------------------------------------------------- */

static int module_look(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size;
    (void)user;
    bool own = !*info->dlpi_name;
    if (!own && !strstr(info->dlpi_name, "libcjson")) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
        range r = {info->dlpi_addr + p->p_vaddr, info->dlpi_addr + p->p_vaddr + p->p_memsz};
        if (own) {
            program = r;
            program_base = info->dlpi_addr;
        } else {
            json = r;
        }
    }
    return 0;
}

static bool within(const range *r, const void *address)
{
    return (uintptr_t)address >= r->start && (uintptr_t)address < r->end;
}

/* Where it was when it crashed, for the report; then it crashes. */
static void crashed(int number)
{
    void *from[2 * DEPTH];
    const char *path = getenv("FAULT_LOG");
    inside = true;
    int log = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (log >= 0) backtrace_symbols_fd(from, backtrace(from, 2 * DEPTH), log);
    raise(number);
}

__attribute__((constructor)) static void begin(void)
{
    struct sigaction action = {.sa_handler = crashed, .sa_flags = (int)SA_RESETHAND};
    if (getenv("FAULT_KIND"))
        for (int i = 0; i < 3; i++) sigaction((const int[]){SIGSEGV, SIGBUS, SIGABRT}[i], &action, NULL);
    const char *number = getenv("FAULT_AT");
    kind = getenv("FAULT_KIND");
    at = number ? strtoul(number, NULL, 10) : 0;
    counting = kind && !at;
    leaks = getenv("FAULT_LEAKS");
    dl_iterate_phdr(module_look, NULL);
    void *warm[1];
    inside = true; /* backtrace loads a library at its first call */
    backtrace(warm, 1);
    inside = false;
}

/* ---- which one fails ------------------------------------------------------------------------------------------------ */

static int trace(void *out[DEPTH])
{
    void *all[3 * DEPTH];
    int depth = 0, found = backtrace(all, 3 * DEPTH);
    for (int i = 0; i < found && depth < DEPTH; i++)
        if (within(&program, all[i])) out[depth++] = all[i];
    return depth;
}

static void path_note(unsigned long number)
{
    void *from[DEPTH];
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0, depth = trace(from); i < depth && i < WAY; i++)
        hash = (hash ^ (uintptr_t)from[i]) * UINT64_C(0x100000001b3);
    for (uint64_t i = hash % PATHS_MAX, tries = 0; tries < PATHS_MAX; i = (i + 1) % PATHS_MAX, tries++) {
        if (paths[i].hash && paths[i].hash != hash) continue;
        if (!paths[i].hash) paths[i].first = number;
        paths[i].hash = hash;
        paths[i].last = number;
        return;
    }
}

static bool is_ours(const void *caller)
{
    return within(&program, caller) || within(&json, caller);
}

/* Does this call, of that kind and from there, fail? */
static bool hit(const char *what, const void *caller)
{
    if (!kind || inside || strcmp(kind, what) || !is_ours(caller)) return false;
    inside = true;
    pthread_mutex_lock(&lock);
    unsigned long number = ++calls;
    if (counting) path_note(number);
    bool now = number == at;
    if (now) failed_depth = trace(failed_from);
    pthread_mutex_unlock(&lock);
    inside = false;
    return now;
}

#define CALLER __builtin_return_address(0)
#define FOUND(name)                                                                                                    \
    __extension__({                                                                                                    \
        static void *found; /* once: through a hundred libraries */                                                    \
        if (!found) found = real(name);                                                                                \
        found;                                                                                                         \
    })
#define REAL(name) ((__typeof__(&name))FOUND(#name))

static void *real(const char *name)
{
    bool before = inside;
    inside = true;
    void *found = dlsym(RTLD_NEXT, name);
    inside = before;
    if (!found) abort();
    return found;
}

/* ---- memory, and what is never freed -------------------------------------------------------------------------------- */

static uint64_t slot(uintptr_t memory)
{
    return (memory >> 4) * UINT64_C(0x9e3779b97f4a7c15) % LIVE_MAX;
}

static void origin_note(void *from[WAY])
{
    void *all[DEPTH];
    inside = true;
    int depth = trace(all);
    for (int i = 0; i < WAY; i++) from[i] = i < depth ? all[i] : NULL;
    inside = false;
}

static void *born(void *memory, const void *caller)
{
    if (!memory || inside || !is_ours(caller)) return memory;
    pthread_mutex_lock(&lock);
    for (uint64_t i = slot((uintptr_t)memory), tries = 0; tries < LIVE_MAX; i = (i + 1) % LIVE_MAX, tries++)
        if (live[i] < 2) {
            live[i] = (uintptr_t)memory;
            live_count++;
            if (leaks) origin_note(live_from[i]);
            break;
        }
    pthread_mutex_unlock(&lock);
    return memory;
}

static void dead(void *memory)
{
    if (!memory || inside) return;
    pthread_mutex_lock(&lock);
    for (uint64_t i = slot((uintptr_t)memory); live[i]; i = (i + 1) % LIVE_MAX)
        if (live[i] == (uintptr_t)memory) {
            live[i] = 1;
            live_count--;
            break;
        }
    pthread_mutex_unlock(&lock);
}

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return hit("memory", CALLER) ? no_memory() : born(__libc_malloc(size), CALLER);
}

void *calloc(size_t count, size_t size)
{
    return hit("memory", CALLER) ? no_memory() : born(__libc_calloc(count, size), CALLER);
}

void *realloc(void *old, size_t size)
{
    if (hit("memory", CALLER)) return no_memory();
    void *memory = __libc_realloc(old, size);
    if (memory) dead(old);
    return born(memory, CALLER);
}

void free(void *memory)
{
    dead(memory);
    __libc_free(memory);
}

/* zlib's, which asks for its memory by itself. */
int inflateInit2_(void *stream, int bits, const char *version, int size);
int inflateInit2_(void *stream, int bits, const char *version, int size)
{
    return hit("memory", CALLER) ? -4 /* Z_MEM_ERROR */ : REAL(inflateInit2_)(stream, bits, version, size);
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

static int denied(int reason)
{
    errno = reason;
    return -1;
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    return hit("open", CALLER) ? denied(EMFILE) : REAL(open)(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    if (!hit("open", CALLER)) return REAL(fopen)(path, mode);
    errno = EMFILE;
    return NULL;
}

int mkdir(const char *path, mode_t mode)
{
    return hit("open", CALLER) ? denied(ENOSPC) : REAL(mkdir)(path, mode);
}

DIR *opendir(const char *path)
{
    if (!hit("open", CALLER)) return REAL(opendir)(path);
    errno = EMFILE;
    return NULL;
}

int pipe(int ends[2])
{
    return hit("open", CALLER) ? denied(EMFILE) : REAL(pipe)(ends);
}

pid_t fork(void)
{
    return hit("open", CALLER) ? denied(EAGAIN) : REAL(fork)();
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *user)
{
    return hit("open", CALLER) ? EAGAIN : REAL(pthread_create)(thread, attributes, run, user);
}

int fstat(int descriptor, struct stat *out)
{
    return hit("read", CALLER) ? denied(EIO) : REAL(fstat)(descriptor, out);
}

ssize_t read(int descriptor, void *bytes, size_t length)
{
    return hit("read", CALLER) ? denied(EIO) : REAL(read)(descriptor, bytes, length);
}

ssize_t pread(int descriptor, void *bytes, size_t length, off_t start)
{
    return hit("read", CALLER) ? denied(EIO) : REAL(pread)(descriptor, bytes, length, start);
}

ssize_t write(int descriptor, const void *bytes, size_t length)
{
    return hit("write", CALLER) ? denied(ENOSPC) : REAL(write)(descriptor, bytes, length);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t start)
{
    return hit("write", CALLER) ? denied(ENOSPC) : REAL(pwrite)(descriptor, bytes, length, start);
}

int ftruncate(int descriptor, off_t length)
{
    return hit("write", CALLER) ? denied(ENOSPC) : REAL(ftruncate)(descriptor, length);
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *file)
{
    if (file == stdout || file == stderr || !hit("write", CALLER)) return REAL(fwrite)(bytes, size, count, file);
    errno = ENOSPC;
    return 0;
}

int fflush(FILE *file)
{
    return file != stdout && file != stderr && hit("write", CALLER) ? denied(ENOSPC) : REAL(fflush)(file);
}

int fclose(FILE *file)
{
    bool now = file != stdout && hit("write", CALLER);
    int rc = REAL(fclose)(file);
    return now ? denied(ENOSPC) : rc;
}

int fsync(int descriptor)
{
    return hit("sync", CALLER) ? denied(EIO) : REAL(fsync)(descriptor);
}

int fdatasync(int descriptor)
{
    return hit("sync", CALLER) ? denied(EIO) : REAL(fdatasync)(descriptor);
}

int rename(const char *from, const char *to)
{
    return hit("rename", CALLER) ? denied(EIO) : REAL(rename)(from, to);
}

/* ---- HDF5 and OpenCL ------------------------------------------------------------------------------------------------ */

typedef intptr_t word;
typedef word (*passed)(word, word, word, word, word, word, word, word, word, word);
#define WORDS      word a, word b, word c, word d, word e, word f, word g, word h, word i, word j
#define PASS(name) ((passed)FOUND(#name))(a, b, c, d, e, f, g, h, i, j)

/* Fails with that answer, in place of the call. */
#define ANSWER(kind, name, answer)                                                                                     \
    word name(WORDS);                                                                                                  \
    word name(WORDS)                                                                                                   \
    {                                                                                                                  \
        return hit(kind, CALLER) ? (answer) : PASS(name);                                                              \
    }
/* Closes all the same: what is lost is then ours. */
#define CLOSES(name)                                                                                                   \
    word name(WORDS);                                                                                                  \
    word name(WORDS)                                                                                                   \
    {                                                                                                                  \
        word rc = PASS(name);                                                                                          \
        return hit("hdf5", CALLER) ? -1 : rc;                                                                          \
    }
#define H5(name)      ANSWER("hdf5", H5##name, -1)
#define H5_SIZE(name) ANSWER("hdf5", H5##name, 0)
#define CL(name)      ANSWER("opencl", cl##name, -5 /* CL_OUT_OF_RESOURCES */)
/* Makes something; the code goes to `status`. */
#define CL_MAKES(name, status)                                                                                         \
    word cl##name(WORDS);                                                                                              \
    word cl##name(WORDS)                                                                                               \
    {                                                                                                                  \
        if (!hit("opencl", CALLER)) return PASS(cl##name);                                                             \
        if (status) *(int *)(status) = -5;                                                                             \
        return 0;                                                                                                      \
    }

/* clang-format off */
H5(Acreate_by_name) H5(Adelete_by_name) H5(Aexists_by_name) H5(Aget_space) H5(Aget_type) H5(Aiterate_by_name)
H5(Aopen_by_name) H5(Aread) H5(Awrite) H5(Dcreate2) H5(Dget_chunk_info_by_coord) H5(Dget_create_plist) H5(Dget_space)
H5(Dget_type) H5(Dopen2) H5(Dread) H5(Dwrite) H5(Dwrite_chunk) H5(Eclear2) H5(Eset_auto2) H5(Ewalk2) H5(Fcreate) H5(Fflush) H5(Fopen)
H5(Gcreate2) H5(Gopen2) H5(Iget_type) H5(Lexists) H5(Lget_info) H5(Literate) H5(Oget_info_by_name) H5(Oopen)
H5(PLset_loading_state) H5(Pcreate) H5(Pget_chunk) H5(Pget_external_count) H5(Pget_filter2) H5(Pget_layout)
H5(Pget_nfilters) H5(Pset_alloc_time) H5(Pset_chunk) H5(Pset_deflate) H5(Pset_fclose_degree) H5(Pset_file_locking)
H5(Pset_fill_time) H5(Pset_fletcher32) H5(Pset_layout) H5(Pset_libver_bounds) H5(Pset_obj_track_times) H5(Pset_shuffle)
H5(Screate) H5(Screate_simple) H5(Sget_simple_extent_dims) H5(Sget_simple_extent_ndims)
H5(Sget_simple_extent_npoints) H5(Sget_simple_extent_type) H5(Sselect_hyperslab) H5(Tcopy) H5(Tequal) H5(Tget_class)
H5(Tget_cset) H5(Tget_fields) H5(Tget_order) H5(Tget_sign) H5(Tget_super) H5(Tis_variable_str) H5(Tset_cset) H5(Tset_ebias)
H5(Tset_fields) H5(Tset_order) H5(Tset_size) H5(Tset_strpad) H5(open)
H5_SIZE(Dget_storage_size) H5_SIZE(Tget_ebias) H5_SIZE(Tget_size)
CLOSES(H5Aclose) CLOSES(H5Dclose) CLOSES(H5Fclose) CLOSES(H5Gclose) CLOSES(H5Oclose) CLOSES(H5Pclose) CLOSES(H5Sclose)
CLOSES(H5Tclose)

CL(BuildProgram) CL(EnqueueCopyBuffer) CL(EnqueueFillBuffer) CL(EnqueueNDRangeKernel) CL(EnqueueReadBuffer)
CL(EnqueueWriteBuffer) CL(Finish) CL(Flush) CL(GetDeviceIDs) CL(GetDeviceInfo) CL(GetEventProfilingInfo)
CL(GetKernelInfo) CL(GetKernelWorkGroupInfo) CL(GetPlatformIDs) CL(GetPlatformInfo) CL(GetProgramBuildInfo)
CL(GetProgramInfo) CL(SetKernelArg) CL(WaitForEvents)
CL_MAKES(CreateBuffer, e) CL_MAKES(CreateCommandQueue, d) CL_MAKES(CreateContext, f) CL_MAKES(CreateKernel, c)
CL_MAKES(CreateProgramWithBinary, g) CL_MAKES(CreateProgramWithSource, e) CL_MAKES(CreateSubBuffer, e)
    /* clang-format on */

    /* ---- the report ----------------------------------------------------------------------------------------------------- */

    /* As addr2line wants it. */
    static unsigned long place(const void *address)
{
    return (unsigned long)((uintptr_t)address - program_base);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAULT_LOG");
    inside = true;
    FILE *log = path ? fopen(path, "w") : NULL;
    if (!log) return;
    fprintf(log, "calls %lu\nlive %lu\n", calls, live_count);
    for (int i = 0; i < PATHS_MAX; i++)
        if (paths[i].hash) fprintf(log, "path %lu\n", paths[i].first);
    for (int i = 0; i < PATHS_MAX; i++)
        if (paths[i].hash && paths[i].last != paths[i].first) fprintf(log, "last %lu\n", paths[i].last);
    for (int i = 0; i < failed_depth; i++) fprintf(log, "failed %#lx\n", place(failed_from[i]));
    for (uint64_t i = 0; leaks && i < LIVE_MAX; i++) {
        if (live[i] < 2) continue;
        fprintf(log, "lost");
        for (int k = 0; k < WAY && live_from[i][k]; k++) fprintf(log, " %#lx", place(live_from[i][k]));
        fprintf(log, "\n");
    }
    fclose(log);
}
