#include "base/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

struct reader {
    int descriptor;
    uint64_t bytes;
    char *path;
};

int reader_open(const char *path, reader **out)
{
    int rc = OK;
    struct stat about;
    reader *r = memory_new(1, sizeof *r);
    if (!r) return FAILED;
    r->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (r->descriptor < 0 || fstat(r->descriptor, &about)) {
        rc = fail(FAILED, "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    if (!S_ISREG(about.st_mode)) {
        rc = fail(FAILED, "%s: is not a file", path);
        goto done;
    }
    r->bytes = (uint64_t)about.st_size;
    TRY_NEW(r->path = text_copy(path));
    *out = r;
    r = NULL;
done:
    reader_close(r);
    return rc;
}

void reader_close(reader *r)
{
    if (!r) return;
    if (r->descriptor >= 0) close(r->descriptor);
    free(r->path);
    free(r);
}

const char *reader_path(const reader *r)
{
    return r->path;
}

uint64_t reader_bytes(const reader *r)
{
    return r->bytes;
}

int reader_read(reader *r, uint64_t place, size_t length, void *out)
{
    if (place > r->bytes || length > r->bytes - place)
        return fail(FAILED, "%s: ends after %llu bytes, wanted %zu from byte %llu", r->path,
                    (unsigned long long)r->bytes, length, (unsigned long long)place);
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(r->descriptor, (char *)out + done, length - done, (off_t)(place + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(FAILED, "%s: cannot read: %s", r->path, strerror(errno));
        if (!got) return fail(FAILED, "%s: has become shorter while it was read", r->path);
        done += (size_t)got;
    }
    return OK;
}
