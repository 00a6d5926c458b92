/* The images of a patch pack: data sets of a row each, with a checksum beside it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/patch_pack_internal.h"

int patch_column_read(patch_pack *p, const char *name, enum number_type type, size_t count, void *out)
{
    void **column = out;
    *column = memory_new(count, number_size(type));
    return *column ? h5_read(p->file, name, type, count, *column) : FAILED;
}

int patch_rows_open(patch_pack *p, const char *group, const char *name, size_t rows, int images, const size_t *shape,
                    patch_rows *r)
{
    int rc = OK;
    char place[400], sums[400];
    snprintf(place, sizeof place, "%.380s/%s", group, name);
    snprintf(sums, sizeof sums, "%.380s/checksum", group);
    TRY(h5_dataset_open(p->file, place, &r->data));
    const h5_about *about = h5_dataset_about(r->data);
    bool fits = !about->text && about->rank == images + 1 && about->shape[0] == rows;
    r->row_bytes = number_size(about->type);
    for (int i = 0; i < images; i++) {
        fits = fits && (!shape[i] || about->shape[i + 1] == shape[i]);
        r->row_bytes *= fits ? about->shape[i + 1] : 1;
    }
    if (!fits) {
        rc = fail(FAILED, "%s: %s: wanted numbers, %zu rows of %d dimensions, %d x %d pixels", h5_path(p->file), place,
                  rows, images, p->height, p->width);
        goto done;
    }
    r->rows = rows;
    r->type = about->type;
    TRY(h5_dataset_start(r->data, &r->plain, &r->start));
    TRY(patch_column_read(p, sums, NUMBER_U32, rows, &r->checksum));
done:
    return rc;
}

void patch_rows_close(patch_rows *r)
{
    h5_dataset_close(r->data);
    free(r->checksum);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

uint32_t patch_checksum(const void *bytes, size_t length)
{
    return (uint32_t)crc32_z(0, bytes, length);
}

static int plain_read(const patch_pack *p, const patch_rows *r, size_t first, size_t rows, void *out)
{
    size_t length = rows * r->row_bytes;
    uint64_t start = r->start + first * r->row_bytes;
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(p->descriptor, (char *)out + done, length - done, (off_t)(start + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(FAILED, "%s: cannot be read: %s", h5_path(p->file), strerror(errno));
        if (!got)
            return fail(FAILED, "%s: is cut off at byte %llu", h5_path(p->file), (unsigned long long)(start + done));
        done += (size_t)got;
    }
    return OK;
}

int patch_rows_read(const patch_pack *p, const patch_rows *r, size_t first, size_t rows, void *out)
{
    size_t values = rows * r->row_bytes / number_size(r->type);
    bool swap = machine_is_big_endian() && number_size(r->type) > 1;
    int rc = r->plain ? plain_read(p, r, first, rows, out) : h5_dataset_read(r->data, first, rows, r->type, out);
    if (rc) return rc;
    if (swap && !r->plain) number_swap(r->type, out, values);
    for (size_t i = 0; i < rows; i++)
        if (patch_checksum((const char *)out + i * r->row_bytes, r->row_bytes) != r->checksum[first + i])
            return fail(FAILED, "%s: the checksum of image %zu does not hold: the file is damaged", h5_path(p->file),
                        first + i);
    if (swap) number_swap(r->type, out, values);
    return OK;
}
