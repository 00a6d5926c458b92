#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static int read_whole(int descriptor, const char *path, size_t length, char *out)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = read(descriptor, out + done, length - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(FAILED, "%s: cannot read: %s", path, strerror(errno));
        if (!got) return fail(FAILED, "%s: ends after %zu bytes, wanted %zu", path, done, length);
        done += (size_t)got;
    }
    return OK;
}

int file_read(const char *path, size_t limit, char **out, size_t *length)
{
    int rc = OK;
    struct stat about;
    char *text = NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &about)) {
        rc = fail(FAILED, "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    if (!S_ISREG(about.st_mode)) {
        rc = fail(FAILED, "%s: is not a file", path);
        goto done;
    }
    if ((size_t)about.st_size > limit) {
        rc = fail(FAILED, "%s: has %lld bytes, wanted at most %zu", path, (long long)about.st_size, limit);
        goto done;
    }
    TRY_NEW(text = memory_new((size_t)about.st_size + 1, 1));
    TRY(read_whole(descriptor, path, (size_t)about.st_size, text));
    *out = text;
    *length = (size_t)about.st_size;
    text = NULL;
done:
    free(text);
    if (descriptor >= 0) close(descriptor);
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* The folder that holds `path`: everything before the last slash. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return text_copy(".");
    if (slash == path) return text_copy("/");
    return text_format("%.*s", (int)(slash - path), path);
}

char *file_temporary(const char *path)
{
    return text_format("%s.%ld.temporary", path, (long)getpid());
}

static int descriptor_sync(const char *path, int flags)
{
    int descriptor = open(path, flags | O_CLOEXEC), rc = OK;
    if (descriptor < 0) return fail(FAILED, "%s: cannot open: %s", path, strerror(errno));
    /* Some file systems cannot sync a folder: that is no failure of ours. */
    if (fsync(descriptor) && errno != EINVAL && errno != EROFS)
        rc = fail(FAILED, "%s: cannot be written to disk: %s", path, strerror(errno));
    close(descriptor);
    return rc;
}

static int move(const char *from, const char *to)
{
    return rename(from, to) ? fail(FAILED, "%s: cannot be renamed to %s: %s", from, to, strerror(errno)) : OK;
}

int file_commit_keeping(const char *temporary, const char *path, const char *before)
{
    int rc = OK;
    char *folder = NULL;
    bool moved = false;
    TRY_NEW(folder = folder_of(path));
    TRY(descriptor_sync(temporary, O_RDWR));
    if (before && file_exists(path)) TRY(move(path, before));
    moved = before != NULL;
    TRY(move(temporary, path));
    moved = false;
    TRY(descriptor_sync(folder, O_RDONLY));
done:
    if (rc && moved && !file_exists(path)) rename(before, path);
    if (rc) unlink(temporary);
    free(folder);
    return rc;
}

int file_commit(const char *temporary, const char *path)
{
    return file_commit_keeping(temporary, path, NULL);
}

static int write_whole(int descriptor, const char *path, const char *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t put = write(descriptor, bytes + done, length - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail(FAILED, "%s: cannot write: %s", path, strerror(errno));
        done += (size_t)put;
    }
    return OK;
}

int file_write(const char *path, const void *bytes, size_t length)
{
    int rc = OK, descriptor = -1;
    char *temporary = file_temporary(path);
    if (!temporary) return FAILED;
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        rc = fail(FAILED, "%s: cannot be made: %s", temporary, strerror(errno));
        goto done;
    }
    rc = write_whole(descriptor, path, bytes, length);
    if (close(descriptor) && !rc) rc = fail(FAILED, "%s: cannot write: %s", path, strerror(errno));
    if (rc)
        unlink(temporary);
    else
        rc = file_commit(temporary, path);
done:
    free(temporary);
    return rc;
}

int file_room(const char *path, double bytes)
{
    struct statvfs about;
    char *folder = folder_of(path);
    if (!folder) return FAILED;
    const bool known = !statvfs(folder, &about);
    free(folder);
    const double room = known ? (double)about.f_bavail * (double)about.f_frsize : INFINITY;
    return bytes <= room
               ? OK
               : fail(FAILED, "%s: %.1f MB are needed there, %.1f MB are free", path, bytes / 1e6, room / 1e6);
}

/* ---- folders ---------------------------------------------------------------------------------------------------- */

static int folder_make_one(const char *path)
{
    struct stat about;
    if (!mkdir(path, 0777)) return OK;
    int reason = errno;
    if (!stat(path, &about) && S_ISDIR(about.st_mode)) return OK;
    return fail(FAILED, "%s: the folder cannot be made: %s", path, strerror(reason));
}

int folder_make(const char *path)
{
    int rc = OK;
    char *part = text_copy(path);
    if (!part) return FAILED;
    for (char *slash = strchr(part + (*part == '/'), '/'); slash && !rc; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        rc = folder_make_one(part);
        *slash = '/';
    }
    if (!rc) rc = folder_make_one(part);
    free(part);
    return rc;
}

bool file_exists(const char *path)
{
    return !access(path, F_OK);
}

char *path_join(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    return text_format(length && folder[length - 1] == '/' ? "%s%s" : "%s/%s", folder, name);
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name), wanted = strlen(suffix);
    return length >= wanted && !strcmp(name + length - wanted, suffix);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int folder_list(const char *folder, const char *suffix, char ***names, size_t *count)
{
    int rc = OK;
    char **list = NULL;
    void *grown = NULL;
    size_t used = 0, capacity = 0;
    DIR *open_folder = opendir(folder);
    if (!open_folder) return fail(FAILED, "%s: the folder cannot be read: %s", folder, strerror(errno));
    for (struct dirent *entry; (entry = readdir(open_folder));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || !has_suffix(entry->d_name, suffix)) continue;
        grown = list;
        TRY(memory_grow(&grown, &capacity, used + 1, sizeof *list));
        list = grown;
        TRY_NEW(list[used] = text_copy(entry->d_name));
        used++;
    }
    if (used) qsort(list, used, sizeof *list, by_bytes);
    *names = list;
    *count = used;
    list = NULL;
    used = 0;
done:
    folder_free(list, used);
    closedir(open_folder);
    return rc;
}

void folder_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}

int folder_clear_temporaries(const char *folder)
{
    char **names;
    size_t count;
    int rc = folder_list(folder, ".temporary", &names, &count);
    if (rc) return rc;
    for (size_t i = 0; i < count; i++) {
        char *path = path_join(folder, names[i]);
        if (path) unlink(path);
        free(path);
    }
    folder_free(names, count);
    return OK;
}

char *cache_folder(void)
{
    const char *own = getenv("FURROW_CACHE_DIR"), *shared = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *folder = own && *own         ? text_copy(own)
                   : shared && *shared ? path_join(shared, "furrow")
                   : home && *home     ? path_join(home, ".cache/furrow")
                                       : NULL;
    if (!folder) {
        fail(FAILED, "no cache folder: set FURROW_CACHE_DIR or HOME");
        return NULL;
    }
    if (folder_make(folder)) {
        free(folder);
        return NULL;
    }
    return folder;
}
