/* A child process looks at a file first. Debian's library 1.10.8 crashes over or loops in about two of a thousand
 * damaged files: what happens to the child is an ordinary error here.
 *
 * The child does to the file what readers do, through the same functions: it walks all groups, reads every attribute,
 * opens every data set, and reads those that are cheap to read. What is refused or cannot be read is not its concern:
 * whoever reads it meets that again, with a message. Large data sets (a pack's images) are looked at but not read
 * through: that would cost as much as reading the pack.
 *
 * fork() without exec(), for a library has no program of its own to start. Where other threads run (an OpenCL driver's,
 * a loader's), the child has this thread alone, and locks that others held stay shut for ever. So it may only use what
 * cannot be locked then: the HDF5 library, whose lock (h5_enter) this thread holds while it forks; memory, whose locks
 * glibc sets right in a child; system calls. It never touches OpenCL, the log or stdio, and ends with _exit(), so that
 * no handler of a driver runs. Should it wait for a lock all the same, a clock ends it.
 *
 * The limit of memory counts from what the process has mapped, which drivers and sanitizers make terabytes. Nothing is
 * remembered from one opening to the next: a file may have changed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/h5_internal.h"

enum {
    SECONDS_OF_CPU = 5,
    MEMORY_MOST = 1 << 30,   /* bytes more than the process has */
    READ_MOST = 64 << 20,    /* bytes of data that are read, of the whole file */
    DEPTH_MOST = 16,         /* of groups */
    ATTRIBUTE_REALS = 65536, /* of an attribute of numbers */
};

#ifdef __SANITIZE_ADDRESS__ /* gcc 12's leaves its locks in a child as another thread held them: that waits for ever */
enum { SECONDS_AT_ALL = 10, ATTEMPTS = 3 };
#else
enum { SECONDS_AT_ALL = 60 /* of a disk that is slow, too */, ATTEMPTS = 1 };
#endif

/* ---- in the child --------------------------------------------------------------------------------------------------- */

static void limit(int resource, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(resource, &now)) return;
    if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most) most = now.rlim_max;
    now.rlim_cur = most;
    setrlimit(resource, &now);
}

/* Bytes of address space in use; 0 where the system does not tell. */
static rlim_t mapped(void)
{
    char text[64] = "";
    int descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return 0;
    ssize_t got = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    return got > 0 ? (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) : 0;
}

/* The default for signals by which a process ends, whatever this program or a driver made of them: death is the answer
 * that is waited for. Ctrl-C is the parent's to hear. */
static void confine(void)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM, SIGXCPU, SIGTERM};
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    int nowhere = open("/dev/null", O_RDWR);
    sigemptyset(&none);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) sigaction(deadly[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGINT, &action, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO); /* glibc's and sanitizers' last words */
    rlim_t now = mapped();
    if (now) limit(RLIMIT_AS, now + MEMORY_MOST);
    limit(RLIMIT_CPU, SECONDS_OF_CPU);
    limit(RLIMIT_CORE, 0);
    alarm(SECONDS_AT_ALL);
}

typedef struct looking {
    h5 *file;
    size_t left;  /* bytes that may still be read */
    haddr_t *met; /* the groups that were walked: hard links may go in circles */
    size_t count, capacity;
} looking;

static bool met_before(looking *l, const char *group)
{
    H5O_info_t about;
    void *grown = l->met;
    h5_enter();
    bool known = H5Oget_info_by_name(l->file->id, group, &about, H5P_DEFAULT) >= 0;
    h5_leave();
    for (size_t i = 0; known && i < l->count; i++)
        if (l->met[i] == about.addr) return true;
    if (!known || memory_grow(&grown, &l->capacity, l->count + 1, sizeof *l->met)) return true;
    l->met = grown;
    l->met[l->count++] = about.addr;
    return false;
}

static size_t bytes_of(const h5_about *about)
{
    return about->count * (about->text ? about->text_width : number_size(about->type));
}

static void look_at_attribute(h5 *file, const char *path, const char *name)
{
    char *text;
    double *reals;
    int64_t integer;
    size_t count;
    if (!h5_get_text(file, path, name, &text)) free(text);
    h5_get_int(file, path, name, &integer);
    if (h5_attribute_count(file, path, name, &count) || count > ATTRIBUTE_REALS) return;
    if (!(reals = memory_new(count, sizeof *reals))) return;
    h5_get_reals(file, path, name, count, reals);
    free(reals);
}

static void look_at_attributes(h5 *file, const char *path)
{
    char **names;
    size_t count;
    if (h5_attribute_list(file, path, &names, &count)) return;
    for (size_t i = 0; i < count; i++) look_at_attribute(file, path, names[i]);
    h5_names_free(names, count);
}

/* Large ones by their first and last row. */
static void look_at_rows(h5_dataset *d, looking *l)
{
    const h5_about *about = h5_dataset_about(d);
    size_t rows = h5_rows(about), bytes = bytes_of(about), some = bytes > l->left ? 1 : rows;
    if (!about->count || bytes / rows > l->left) return;
    char *values = memory_new(some, bytes / rows);
    if (!values) return;
    l->left -= some * (bytes / rows);
    if (!h5_dataset_read(d, 0, some, about->type, values) && some < rows)
        h5_dataset_read(d, rows - 1, 1, about->type, values);
    free(values);
}

static void look_at_dataset(looking *l, const char *path)
{
    h5_dataset *d;
    char *text;
    bool plain;
    uint64_t start;
    size_t width, count;
    if (h5_dataset_open(l->file, path, &d)) return;
    const h5_about *about = h5_dataset_about(d);
    h5_dataset_start(d, &plain, &start);
    if (!about->text) {
        look_at_rows(d, l);
    } else if (bytes_of(about) <= l->left) {
        l->left -= bytes_of(about);
        if (!h5_read_text(l->file, path, about->count, &text, &width, &count)) free(text);
    }
    h5_dataset_close(d);
}

static void look_at(looking *l, const char *path, int depth)
{
    enum h5_kind kind;
    char **names;
    size_t count;
    if (h5_kind_of(l->file, path, &kind)) return;
    look_at_attributes(l->file, path);
    if (kind == H5_DATASET) look_at_dataset(l, path);
    if (kind != H5_GROUP || depth == DEPTH_MOST || met_before(l, path)) return;
    if (h5_list(l->file, path, &names, &count)) return;
    for (size_t i = 0; i < count; i++) {
        char *member = text_format(depth ? "%s/%s" : "%s%s", path, names[i]);
        if (member) look_at(l, member, depth + 1);
        free(member);
    }
    h5_names_free(names, count);
}

static _Noreturn void child(h5 *file, int answer)
{
    looking l = {.file = file, .left = READ_MOST};
    confine();
    file->id = h5_open_id(file->path, false);
    h5_leave();
    if (file->id >= 0) {
        look_at(&l, "/", 0);
        h5_enter();
        H5Fclose(file->id); /* what it does on the way out can break down as well */
    }
    _exit(write(answer, "", 1) == 1 ? 0 : 1);
}

/* ---- in the parent -------------------------------------------------------------------------------------------------- */

/* By a pipe, not by waiting alone: the program around this library may collect children itself. */
static bool answered(int answer)
{
    char byte;
    ssize_t got;
    while ((got = read(answer, &byte, 1)) < 0 && errno == EINTR)
        ;
    return got == 1;
}

static int refuse(const h5 *file, pid_t waited, int status)
{
    int ended_by = waited > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (ended_by == SIGXCPU || ended_by == SIGALRM || ended_by == SIGKILL)
        return fail(FAILED, "%s: the HDF5 library does not come to an end with it: the file is damaged", file->path);
    return fail(FAILED, "%s: the HDF5 library breaks down over it (signal %d): the file is damaged", file->path,
                ended_by);
}

/* *late: the clock has ended the child. */
static int ask(h5 *file, int ends[2], bool *late)
{
    int status = 0;
    pid_t waited, pid = fork();
    if (pid < 0) return fail(FAILED, "%s: no process to look at it can be made: %s", file->path, strerror(errno));
    if (pid == 0) child(file, ends[1]);
    close(ends[1]);
    ends[1] = -1;
    bool well = answered(ends[0]);
    while ((waited = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    *late = !well && waited > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    return well ? OK : refuse(file, waited, status);
}

static int attempt(h5 *file, bool *late)
{
    int ends[2];
    *late = false;
    if (pipe(ends)) return fail(FAILED, "%s: cannot be looked at: %s", file->path, strerror(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    int rc = ask(file, ends, late);
    close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
    return rc;
}

int h5_guard(h5 *file)
{
    bool late = true;
    int rc = OK;
    for (int i = 0; late && i < ATTEMPTS; i++) rc = attempt(file, &late);
    return rc;
}
