#include "format/patch_pack_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/patch_pack_write_internal.h"

/* ---- opening -------------------------------------------------------------------------------------------------------- */

static int writer_new(const char *path, const patch_contents *contents, int deflate, patch_writer **out)
{
    patch_writer *w = memory_new(1, sizeof *w);
    if (!w) return FAILED;
    w->contents = contents;
    w->deflate = deflate;
    w->descriptor = -1;
    *out = w;
    if (!(w->path = text_copy(path))) return FAILED;
    return writer_prepare(w);
}

int patch_writer_open(const char *path, const patch_contents *contents, int deflate, patch_writer **out)
{
    patch_writer *w = NULL;
    h5 *made;
    int rc = OK;
    TRY(writer_new(path, contents, deflate, &w));
    TRY(writer_file_make(w));
    if (!deflate) {
        made = w->file;
        w->file = NULL;
        TRY(h5_close(made));
        TRY(writer_places_open(w));
        TRY(patch_writer_sync(w));
    }
    *out = w;
    w = NULL;
done:
    patch_writer_close(w);
    return rc;
}

static int same_contents(const char *path, const patch_contents *c)
{
    h5 *file = NULL;
    char *found = NULL;
    int rc = OK;
    TRY(h5_open(path, &file));
    TRY(h5_get_text(file, "/", "fingerprint", &found));
    if (strcmp(found, c->fingerprint) != 0) rc = fail(FAILED, "%s: is of another folder", path);
done:
    free(found);
    h5_close(file);
    return rc;
}

int patch_writer_take_up(const char *path, const patch_contents *contents, patch_writer **out)
{
    patch_writer *w = NULL;
    int rc = OK;
    TRY(writer_new(path, contents, 0, &w));
    TRY(same_contents(path, contents));
    TRY(writer_places_open(w));
    *out = w;
    w = NULL;
done:
    patch_writer_close(w);
    return rc;
}

/* ---- images -------------------------------------------------------------------------------------------------------- */

static int write_at(patch_writer *w, const void *bytes, size_t length, uint64_t start)
{
    for (size_t done = 0; done < length;) {
        ssize_t put = pwrite(w->descriptor, (const char *)bytes + done, length - done, (off_t)(start + done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail(FAILED, "%s: cannot be written: %s", w->path, strerror(errno));
        done += (size_t)put;
    }
    return OK;
}

static int read_at(patch_writer *w, void *bytes, size_t length, uint64_t start)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(w->descriptor, (char *)bytes + done, length - done, (off_t)(start + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return fail(FAILED, "%s: cannot be read: %s", w->path, got ? strerror(errno) : "cut off");
        done += (size_t)got;
    }
    return OK;
}

/* Little-endian rows, with their checksums. */
static int stored_rows_write(patch_writer *w, image_rows *r, size_t first, size_t count, const void *stored)
{
    for (size_t i = 0; i < count; i++)
        r->checksum[first + i] = patch_checksum((const char *)stored + i * r->bytes, r->bytes);
    return write_at(w, stored, count * r->bytes, r->start + first * r->bytes);
}

static int rows_write(patch_writer *w, image_rows *r, size_t first, size_t count, const void *values)
{
    size_t bytes = count * r->bytes;
    char *stored = NULL;
    int rc = OK;
    if (machine_is_big_endian() && number_size(r->type) > 1) {
        TRY_NEW(stored = memory_new(bytes, 1));
        memcpy(stored, values, bytes);
        number_swap(r->type, stored, bytes / number_size(r->type));
    }
    if (!r->data) {
        TRY(stored_rows_write(w, r, first, count, stored ? stored : values));
    } else {
        for (size_t i = 0; i < count; i++)
            r->checksum[first + i] = patch_checksum((stored ? stored : (const char *)values) + i * r->bytes, r->bytes);
        TRY(h5_dataset_write(r->data, first, count, r->type, values));
    }
done:
    free(stored);
    return rc;
}

int patch_writer_frames(patch_writer *w, int satellite, size_t patch, const void *values)
{
    const uint64_t *first = w->first[satellite];
    return rows_write(w, &w->frames[satellite], (size_t)first[patch], (size_t)(first[patch + 1] - first[patch]),
                      values);
}

static size_t row_of(const image_rows *r, size_t patch)
{
    return r->row ? r->row[patch] : patch;
}

static int plane_write(patch_writer *w, int plane, size_t patch, const void *values)
{
    image_rows *r = &w->plane[plane];
    if (!patch_has_row(w->contents, plane, patch)) panic("patch %zu has no row in plane %d", patch, plane);
    return rows_write(w, r, row_of(r, patch), 1, values);
}

int patch_writer_labels(patch_writer *w, size_t patch, const uint8_t *values)
{
    int32_t *histogram = w->histogram + patch * PATCH_CLASSES;
    memset(histogram, 0, PATCH_CLASSES * sizeof *histogram);
    for (size_t i = 0; i < w->plane[PLANE_LABELS].bytes; i++) histogram[values[i]]++;
    return plane_write(w, PLANE_LABELS, patch, values);
}

int patch_writer_parcels(patch_writer *w, size_t patch, const int32_t *values)
{
    return plane_write(w, PLANE_PARCELS, patch, values);
}

int patch_writer_target(patch_writer *w, enum patch_target target, size_t patch, const void *values)
{
    return plane_write(w, PLANE_TARGETS + (int)target, patch, values);
}

/* A row at a time. Patches without labels or parcels have zeros there, so that every row of `to` is written. */
static int rows_copy(patch_writer *from, const image_rows *source, size_t first, size_t count, patch_writer *to,
                     image_rows *target)
{
    int rc = OK;
    char *row = memory_new(source->bytes, 1);
    if (!row) return FAILED;
    for (size_t i = first; i < first + count; i++) {
        TRY(read_at(from, row, source->bytes, source->start + i * source->bytes));
        if (machine_is_big_endian() && number_size(source->type) > 1)
            number_swap(source->type, row, source->bytes / number_size(source->type));
        TRY(rows_write(to, target, i, 1, row));
    }
done:
    free(row);
    return rc;
}

int patch_writer_copy(patch_writer *from, size_t patch, patch_writer *to)
{
    const size_t bytes = PATCH_CLASSES * sizeof *to->histogram;
    int rc = OK;
    for (int s = 0; s < from->contents->satellites; s++) {
        const uint64_t *first = from->first[s];
        TRY(rows_copy(from, &from->frames[s], (size_t)first[patch], (size_t)(first[patch + 1] - first[patch]), to,
                      &to->frames[s]));
    }
    for (int k = 0; k < PLANES; k++)
        if (patch_has_row(from->contents, k, patch))
            TRY(rows_copy(from, &from->plane[k], row_of(&from->plane[k], patch), 1, to, &to->plane[k]));
    memcpy(to->histogram + patch * PATCH_CLASSES, from->histogram + patch * PATCH_CLASSES, bytes);
done:
    return rc;
}

/* ---- records ------------------------------------------------------------------------------------------------------- */

/* Checksums of the frames of each satellite, then of the planes; then the labels' histogram. */
size_t patch_record_bytes(const patch_contents *c, size_t patch)
{
    size_t bytes = 0;
    for (int s = 0; s < c->satellites; s++) bytes += (size_t)c->satellite[s].dates[patch] * sizeof(uint32_t);
    for (int k = 0; k < PLANES; k++) bytes += patch_has_row(c, k, patch) * sizeof(uint32_t);
    if (c->labelled) bytes += PATCH_CLASSES * sizeof(int32_t);
    return bytes;
}

static char *part_move(void *memory, size_t bytes, char *record, bool put)
{
    memcpy(put ? record : memory, put ? memory : record, bytes);
    return record + bytes;
}

static void record_move(const patch_writer *w, size_t patch, char *record, bool put)
{
    const patch_contents *c = w->contents;
    for (int s = 0; s < c->satellites; s++)
        record = part_move(w->frames[s].checksum + w->first[s][patch],
                           (size_t)c->satellite[s].dates[patch] * sizeof(uint32_t), record, put);
    for (int k = 0; k < PLANES; k++)
        if (patch_has_row(c, k, patch))
            record = part_move(w->plane[k].checksum + row_of(&w->plane[k], patch), sizeof(uint32_t), record, put);
    if (c->labelled) part_move(w->histogram + patch * PATCH_CLASSES, PATCH_CLASSES * sizeof(int32_t), record, put);
}

void patch_writer_record(const patch_writer *w, size_t patch, void *record)
{
    record_move(w, patch, record, true);
}

void patch_writer_recall(patch_writer *w, size_t patch, const void *record)
{
    record_move(w, patch, (char *)record, false);
}

int patch_writer_sync(patch_writer *w)
{
    if (w->descriptor >= 0 && fdatasync(w->descriptor))
        return fail(FAILED, "%s: cannot be synced: %s", w->path, strerror(errno));
    return OK;
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

static int checksums_write(patch_writer *w, const image_rows *r)
{
    char place[80];
    if (!r->group) return OK;
    snprintf(place, sizeof place, "%s/checksum", r->group);
    return h5_write(w->file, place, NUMBER_U32, 1, &r->count, r->checksum);
}

static int normalisation_write(patch_writer *w, int s, const normalisation *n, const char *source)
{
    const size_t shape[2] = {(size_t)n->rows, (size_t)n->columns};
    const char *group = w->frames[s].group;
    char place[80];
    int rc = OK;
    if (!n->rows) return OK;
    snprintf(place, sizeof place, "%s/mean", group);
    TRY(h5_write(w->file, place, NUMBER_F64, 2, shape, n->mean));
    snprintf(place, sizeof place, "%s/std", group);
    TRY(h5_write(w->file, place, NUMBER_F64, 2, shape, n->std));
    TRY(h5_set_text(w->file, group, "normalisation", source));
done:
    return rc;
}

static void rows_close(image_rows *r)
{
    h5_dataset_close(r->data);
    r->data = NULL;
}

int patch_writer_finish(patch_writer *w, const normalisation *norms, const char *const *sources)
{
    const size_t shape[2] = {w->contents->count, PATCH_CLASSES};
    h5 *file;
    int rc = OK;
    if (w->descriptor >= 0) close(w->descriptor);
    w->descriptor = -1;
    if (!w->file) TRY(h5_extend(w->path, &w->file));
    for (int s = 0; s < w->contents->satellites; s++) {
        TRY(checksums_write(w, &w->frames[s]));
        TRY(normalisation_write(w, s, &norms[s], sources[s]));
    }
    for (int k = 0; k < PLANES; k++) TRY(checksums_write(w, &w->plane[k]));
    if (w->contents->labelled) TRY(h5_write(w->file, "/labels/histogram", NUMBER_I32, 2, shape, w->histogram));
    TRY(h5_set_int(w->file, "/", "complete", 1));
    for (int s = 0; s < w->contents->satellites; s++) rows_close(&w->frames[s]);
    for (int k = 0; k < PLANES; k++) rows_close(&w->plane[k]);
    file = w->file;
    w->file = NULL;
    TRY(h5_close(file));
done:
    return rc;
}

static void rows_free(image_rows *r)
{
    h5_dataset_close(r->data);
    free(r->group);
    free(r->checksum);
    free(r->row);
}

void patch_writer_close(patch_writer *w)
{
    if (!w) return;
    for (int s = 0; s < PATCH_SATELLITES_MAX; s++) {
        rows_free(&w->frames[s]);
        free(w->first[s]);
    }
    for (int k = 0; k < PLANES; k++) rows_free(&w->plane[k]);
    h5_close(w->file);
    if (w->descriptor >= 0) close(w->descriptor);
    free(w->histogram);
    free(w->path);
    free(w);
}
