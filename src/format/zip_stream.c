/* The content of zip members: stored or deflated, with its checksum. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/zip_internal.h"

enum { INPUT_BYTES = 1 << 16, CHECK_BYTES = 1 << 20 };

struct zip_stream {
    const zip *archive;
    const zip_member *member;
    uint64_t taken; /* packed bytes read so far */
    uint64_t given; /* bytes of content so far */
    uLong checksum;
    bool inflating;
    z_stream inflater;
    unsigned char *input;
};

static int refuse(const zip_stream *s, const char *what)
{
    return fail(FAILED, "%s: zip member %.200s: %s", reader_path(s->archive->file), s->member->name, what);
}

int zip_stream_open(zip *z, const zip_member *m, zip_stream **out)
{
    int rc = OK;
    zip_stream *s = memory_new(1, sizeof *s);
    if (!s) return FAILED;
    s->archive = z;
    s->member = m;
    s->checksum = crc32(0, NULL, 0);
    if (m->deflated) {
        TRY_NEW(s->input = memory_new(INPUT_BYTES, 1));
        if (inflateInit2(&s->inflater, -MAX_WBITS) != Z_OK) { /* raw: a zip member has no header of zlib's */
            rc = refuse(s, "out of memory");
            goto done;
        }
        s->inflating = true;
    }
    *out = s;
    s = NULL;
done:
    zip_stream_close(s);
    return rc;
}

void zip_stream_close(zip_stream *s)
{
    if (!s) return;
    if (s->inflating) inflateEnd(&s->inflater);
    free(s->input);
    free(s);
}

static int refill(zip_stream *s)
{
    const uint64_t left = s->member->packed - s->taken;
    const size_t length = left < INPUT_BYTES ? (size_t)left : INPUT_BYTES;
    int rc = reader_read(s->archive->file, s->member->place + s->taken, length, s->input);
    s->taken += length;
    s->inflater.next_in = s->input;
    s->inflater.avail_in = (uInt)length;
    return rc;
}

/* Inflates `length` bytes, at most a part of 1 GiB that zlib's counts can hold. */
static int inflate_part(zip_stream *s, uInt length, unsigned char *out)
{
    int code = Z_OK, rc = OK;
    s->inflater.next_out = out;
    s->inflater.avail_out = length;
    while (s->inflater.avail_out) {
        if (!s->inflater.avail_in && s->taken < s->member->packed && (rc = refill(s))) return rc;
        const uInt before_in = s->inflater.avail_in, before_out = s->inflater.avail_out;
        code = inflate(&s->inflater, Z_NO_FLUSH);
        if (code == Z_STREAM_END) break;
        if (code != Z_OK && code != Z_BUF_ERROR) return refuse(s, "its deflated data are damaged");
        if (s->inflater.avail_in == before_in && s->inflater.avail_out == before_out && s->taken == s->member->packed)
            break;
    }
    return s->inflater.avail_out ? refuse(s, "inflates to fewer bytes than the directory says") : OK;
}

/* After the last byte: the stream must end here too, and have used all its input. */
static int inflate_end(zip_stream *s)
{
    unsigned char one;
    s->inflater.next_out = &one;
    s->inflater.avail_out = 1;
    int rc = OK, code = Z_OK;
    while (code == Z_OK) {
        if (!s->inflater.avail_in && s->taken < s->member->packed && (rc = refill(s))) return rc;
        code = inflate(&s->inflater, Z_NO_FLUSH);
        if (!s->inflater.avail_out) return refuse(s, "inflates to more bytes than the directory says");
    }
    if (code != Z_STREAM_END || s->inflater.avail_in || s->taken != s->member->packed)
        return refuse(s, "its deflated data do not end where the directory says");
    return OK;
}

static int content(zip_stream *s, size_t length, unsigned char *out)
{
    if (!s->member->deflated) return reader_read(s->archive->file, s->member->place + s->given, length, out);
    for (size_t done = 0; done < length;) {
        const size_t part = length - done < 1u << 30 ? length - done : 1u << 30;
        int rc = inflate_part(s, (uInt)part, out + done);
        if (rc) return rc;
        done += part;
    }
    return OK;
}

static int finish(zip_stream *s)
{
    int rc = s->member->deflated ? inflate_end(s) : OK;
    if (rc) return rc;
    if ((uint32_t)s->checksum == s->member->checksum) return OK;
    return fail(FAILED, "%s: zip member %.200s: its CRC-32 is %08lx, wanted %08lx: damaged, or saved without checksums",
                reader_path(s->archive->file), s->member->name, (unsigned long)s->checksum,
                (unsigned long)s->member->checksum);
}

int zip_stream_read(zip_stream *s, size_t length, void *out)
{
    if (length > s->member->size - s->given) return refuse(s, "is shorter than what is wanted of it");
    int rc = content(s, length, out);
    if (rc) return rc;
    s->checksum = crc32_z(s->checksum, out, length);
    s->given += length;
    return s->given == s->member->size ? finish(s) : OK;
}

int zip_read(zip *z, const zip_member *m, void *out)
{
    zip_stream *s = NULL;
    int rc = zip_stream_open(z, m, &s);
    if (!rc) rc = zip_stream_read(s, (size_t)m->size, out);
    zip_stream_close(s);
    return rc;
}

int zip_check(zip *z, const zip_member *m)
{
    int rc = OK;
    zip_stream *s = NULL;
    uint64_t left = m->size;
    unsigned char *part = memory_new(CHECK_BYTES, 1);
    TRY_NEW(part);
    TRY(zip_stream_open(z, m, &s));
    do {
        const size_t length = left < CHECK_BYTES ? (size_t)left : CHECK_BYTES;
        TRY(zip_stream_read(s, length, part));
        left -= length;
    } while (left);
done:
    zip_stream_close(s);
    free(part);
    return rc;
}
