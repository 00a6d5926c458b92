#include "data-tools/pack_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"

enum { PAGE = 4096 };

struct pack_stage {
    int descriptor;
    char *path;
    uint64_t state, bytes; /* of values */
};

typedef struct header {
    char magic[16];
    uint64_t state, parcels, check; /* check: of all before it */
} header;

static const char magic[16] = "furrow pixels 1";

static uint64_t header_check(const header *h)
{
    return hash_bytes(HASH_START, h, offsetof(header, check));
}

/* ---- reading and writing at a place -------------------------------------------------------------------------------- */

static int trouble(const pack_stage *s, const char *what)
{
    return fail(FAILED, "%s: cannot be %s: %s", s->path, what, strerror(errno));
}

static int write_at(pack_stage *s, const void *bytes, size_t length, uint64_t start)
{
    for (size_t done = 0; done < length;) {
        ssize_t put = pwrite(s->descriptor, (const char *)bytes + done, length - done, (off_t)(start + done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return trouble(s, "written");
        done += (size_t)put;
    }
    return OK;
}

static int read_at(pack_stage *s, void *bytes, size_t length, uint64_t start)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(s->descriptor, (char *)bytes + done, length - done, (off_t)(start + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return trouble(s, "read");
        if (!got) return fail(FAILED, "%s: ends at byte %llu", s->path, (unsigned long long)(start + done));
        done += (size_t)got;
    }
    return OK;
}

/* ---- the header ---------------------------------------------------------------------------------------------------- */

static int header_write(pack_stage *s, uint64_t parcels)
{
    header h = {.state = s->state, .parcels = parcels};
    memcpy(h.magic, magic, sizeof magic);
    h.check = header_check(&h);
    int rc = write_at(s, &h, sizeof h, 0);
    if (!rc && fdatasync(s->descriptor)) rc = trouble(s, "synced");
    return rc;
}

/* How far an earlier run came; 0 where its file is of no use. */
static uint64_t header_read(pack_stage *s, uint64_t file_bytes)
{
    header h;
    if (file_bytes < PAGE || read_at(s, &h, sizeof h, 0)) return 0;
    if (memcmp(h.magic, magic, sizeof magic) != 0 || h.check != header_check(&h)) return 0;
    if (h.state == s->state) return h.parcels;
    log_note("%s is of another state of the folder: it starts anew", s->path);
    return 0;
}

static bool is_ours(pack_stage *s, uint64_t file_bytes)
{
    char start[sizeof magic];
    if (!file_bytes) return true;
    return file_bytes >= sizeof start && !read_at(s, start, sizeof start, 0) && !memcmp(start, magic, sizeof start);
}

static int stage_prepare(pack_stage *s, uint64_t (*bytes_of)(const void *user, uint64_t parcels), const void *user,
                         uint64_t *parcels)
{
    struct stat about;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(s->descriptor, F_SETLK, &whole) && (errno == EACCES || errno == EAGAIN))
        return fail(FAILED, "%s: another process is packing into it", s->path);
    if (fstat(s->descriptor, &about)) return trouble(s, "read");
    uint64_t there = (uint64_t)about.st_size;
    if (!is_ours(s, there)) return fail(FAILED, "%s: is not furrow's; it would be overwritten: move it away", s->path);
    *parcels = header_read(s, there);
    s->bytes = *parcels ? bytes_of(user, *parcels) : 0;
    if (*parcels && there < PAGE + s->bytes) *parcels = s->bytes = 0;
    int rc = header_write(s, *parcels); /* first: whatever happens now, the file is known as ours */
    if (!rc && ftruncate(s->descriptor, (off_t)(PAGE + s->bytes))) rc = trouble(s, "cut");
    return rc;
}

/* ---- the interface ------------------------------------------------------------------------------------------------- */

int pack_stage_open(const char *path, uint64_t state, uint64_t (*bytes_of)(const void *user, uint64_t parcels),
                    const void *user, pack_stage **out, uint64_t *parcels)
{
    int rc = OK;
    pack_stage *s = memory_new(1, sizeof *s);
    if (!s) return FAILED;
    s->state = state;
    s->descriptor = -1;
    TRY_NEW(s->path = text_copy(path));
    s->descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->descriptor < 0) {
        rc = trouble(s, "made");
        goto done;
    }
    TRY(stage_prepare(s, bytes_of, user, parcels));
    *out = s;
    s = NULL;
done:
    pack_stage_close(s);
    return rc;
}

int pack_stage_write(pack_stage *s, uint64_t start, const void *values, size_t bytes)
{
    return write_at(s, values, bytes, PAGE + start);
}

int pack_stage_append(pack_stage *s, const void *values, size_t bytes)
{
    int rc = write_at(s, values, bytes, PAGE + s->bytes);
    s->bytes += bytes;
    return rc;
}

int pack_stage_sync(pack_stage *s, uint64_t parcels)
{
    return fdatasync(s->descriptor) ? trouble(s, "synced") : header_write(s, parcels);
}

int pack_stage_read(pack_stage *s, uint64_t start, void *values, size_t bytes)
{
    return read_at(s, values, bytes, PAGE + start);
}

void pack_stage_close(pack_stage *s)
{
    if (!s) return;
    if (s->descriptor >= 0) close(s->descriptor);
    free(s->path);
    free(s);
}

void pack_stage_remove(pack_stage *s)
{
    if (s) unlink(s->path);
    pack_stage_close(s);
}
