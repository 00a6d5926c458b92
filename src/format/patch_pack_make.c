/* A patch pack's file before its images: what is known already, and a place for each image. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/patch_pack_write_internal.h"

/* ---- places -------------------------------------------------------------------------------------------------------- */

static int rows_prepare(image_rows *r, const char *group, const char *name, size_t count, size_t values,
                        enum number_type type)
{
    int rc = OK;
    TRY_NEW(r->group = text_copy(group));
    TRY_NEW(r->checksum = memory_new(count, sizeof *r->checksum));
    r->name = name;
    r->count = count;
    r->type = type;
    r->bytes = values * number_size(type);
done:
    return rc;
}

/* Labels and parcels have a row for every patch, absent ones of zeros; targets only where a patch has its own. */
bool patch_has_row(const patch_contents *c, int plane, size_t patch)
{
    if (plane == PLANE_LABELS) return c->labelled != NULL;
    if (plane == PLANE_PARCELS) return c->parcelled != NULL;
    const uint8_t *origin = c->origin[plane - PLANE_TARGETS];
    return origin && origin[patch] == PATCH_OWN;
}

static int target_prepare(patch_writer *w, int target)
{
    const patch_contents *c = w->contents;
    const patch_target_place *at = &patch_target_places[target];
    image_rows *r = &w->plane[PLANE_TARGETS + target];
    size_t rows = 0;
    int rc = OK;
    TRY_NEW(r->row = memory_new(c->count, sizeof *r->row));
    for (size_t i = 0; i < c->count; i++) {
        r->row[i] = rows;
        rows += patch_has_row(c, PLANE_TARGETS + target, i);
    }
    if (rows) TRY(rows_prepare(r, at->group, "pixels", rows, (size_t)c->height * (size_t)c->width, at->type));
done:
    return rc;
}

int writer_prepare(patch_writer *w)
{
    const patch_contents *c = w->contents;
    const size_t pixels = (size_t)c->height * (size_t)c->width;
    char group[64];
    int rc = OK;
    for (int s = 0; s < c->satellites; s++) {
        const patch_frames *f = &c->satellite[s];
        uint64_t *first = w->first[s] = memory_new(c->count + 1, sizeof *first);
        TRY_NEW(first);
        for (size_t i = 0; i < c->count; i++) first[i + 1] = first[i] + (uint64_t)f->dates[i];
        snprintf(group, sizeof group, "/satellites/%.40s", f->name);
        TRY(rows_prepare(&w->frames[s], group, "frames", (size_t)first[c->count], pixels * (size_t)f->bands, f->type));
    }
    if (c->labelled) TRY(rows_prepare(&w->plane[PLANE_LABELS], "/labels", "pixels", c->count, pixels, NUMBER_U8));
    if (c->parcelled) TRY(rows_prepare(&w->plane[PLANE_PARCELS], "/parcels", "pixels", c->count, pixels, NUMBER_I32));
    for (int k = 0; k < PATCH_TARGETS; k++) TRY(target_prepare(w, k));
    TRY_NEW(w->histogram = memory_new(c->count, PATCH_CLASSES * sizeof *w->histogram));
done:
    return rc;
}

static int rows_make(patch_writer *w, image_rows *r, int bands)
{
    size_t shape[4] = {r->count}, next = 1;
    char place[80];
    if (!r->group) return OK;
    if (bands) shape[next++] = (size_t)bands;
    shape[next++] = (size_t)w->contents->height;
    shape[next++] = (size_t)w->contents->width;
    snprintf(place, sizeof place, "%s/%s", r->group, r->name);
    if (!w->deflate) return h5_dataset_place(w->file, place, r->type, (int)next, shape);
    return h5_dataset_new(w->file, place, r->type, (int)next, shape, 1, w->deflate, &r->data);
}

static int rows_find(h5 *file, image_rows *r)
{
    h5_dataset *d = NULL;
    char place[80];
    bool plain;
    int rc = OK;
    if (!r->group) return OK;
    snprintf(place, sizeof place, "%s/%s", r->group, r->name);
    TRY(h5_dataset_open(file, place, &d));
    const h5_about *about = h5_dataset_about(d);
    TRY(h5_dataset_start(d, &plain, &r->start));
    if (!plain || about->shape[0] != r->count || about->count * number_size(about->type) != r->count * r->bytes)
        rc = fail(FAILED, "%s: %s is not as it was made", h5_path(file), place);
done:
    h5_dataset_close(d);
    return rc;
}

/* ---- all but the images -------------------------------------------------------------------------------------------- */

static int text_column(h5 *file, const char *path, const char *const *texts, size_t count)
{
    size_t width = 1;
    for (size_t i = 0; i < count; i++)
        if (texts[i] && strlen(texts[i]) > width) width = strlen(texts[i]);
    char *text = memory_new(count, width);
    if (!text) return FAILED;
    for (size_t i = 0; i < count; i++)
        if (texts[i]) memcpy(text + i * width, texts[i], strlen(texts[i]));
    int rc = h5_write_text(file, path, count, width, text);
    free(text);
    return rc;
}

static int present_write(h5 *file, const char *path, const bool *present, size_t count)
{
    uint8_t *values = memory_new(count, 1);
    if (!values) return FAILED;
    for (size_t i = 0; i < count; i++) values[i] = present[i];
    int rc = h5_write(file, path, NUMBER_U8, 1, &count, values);
    free(values);
    return rc;
}

static int root_write(h5 *file, const patch_contents *c)
{
    int rc = OK;
    TRY(h5_set_text(file, "/", "furrow_format", "patches"));
    TRY(h5_set_int(file, "/", "version", 1));
    TRY(h5_set_int(file, "/", "height", c->height));
    TRY(h5_set_int(file, "/", "width", c->width));
    TRY(h5_set_int(file, "/", "crs", c->crs));
    TRY(h5_set_text(file, "/", "fingerprint", c->fingerprint));
    if (c->left_out) TRY(h5_set_text(file, "/", "left_out", c->left_out));
done:
    return rc;
}

static int columns_write(h5 *file, const patch_contents *c)
{
    const size_t corners[3] = {c->count, 4, 2};
    char place[80];
    int rc = OK;
    TRY(text_column(file, "/patches/id", c->ids, c->count));
    TRY(h5_write(file, "/patches/fold", NUMBER_I32, 1, &c->count, c->fold));
    if (c->corners) TRY(h5_write(file, "/patches/corners", NUMBER_F64, 3, corners, c->corners));
    if (c->classes) TRY(text_column(file, "/classes/name", c->class_name, c->classes));
    if (c->classes) TRY(h5_write(file, "/classes/colour", NUMBER_U32, 1, &c->classes, c->class_colour));
    if (c->labelled) TRY(present_write(file, "/labels/present", c->labelled, c->count));
    if (c->parcelled) TRY(present_write(file, "/parcels/present", c->parcelled, c->count));
    for (int k = 0; k < PATCH_TARGETS; k++) {
        snprintf(place, sizeof place, "%s/origin", patch_target_places[k].group);
        if (c->origin[k]) TRY(h5_write(file, place, NUMBER_U8, 1, &c->count, c->origin[k]));
    }
done:
    return rc;
}

static int series_write(patch_writer *w, int s)
{
    const patch_frames *f = &w->contents->satellite[s];
    const size_t ends = w->contents->count + 1, frames = w->frames[s].count;
    char place[80];
    int rc = OK;
    snprintf(place, sizeof place, "%s/first", w->frames[s].group);
    TRY(h5_write(w->file, place, NUMBER_U64, 1, &ends, w->first[s]));
    snprintf(place, sizeof place, "%s/days", w->frames[s].group);
    TRY(h5_write(w->file, place, NUMBER_I32, 1, &frames, f->days));
done:
    return rc;
}

int writer_file_make(patch_writer *w)
{
    const patch_contents *c = w->contents;
    int rc = OK;
    TRY(h5_create(w->path, &w->file));
    TRY(root_write(w->file, c));
    TRY(columns_write(w->file, c));
    for (int s = 0; s < c->satellites; s++) {
        TRY(series_write(w, s));
        TRY(rows_make(w, &w->frames[s], c->satellite[s].bands));
    }
    for (int k = 0; k < PLANES; k++) TRY(rows_make(w, &w->plane[k], 0));
done:
    return rc;
}

/* The library leaves the file; from here on the images are written beside it. */
int writer_places_open(patch_writer *w)
{
    h5 *file = NULL;
    int rc = OK;
    TRY(h5_open(w->path, &file));
    for (int s = 0; s < w->contents->satellites; s++) TRY(rows_find(file, &w->frames[s]));
    for (int k = 0; k < PLANES; k++) TRY(rows_find(file, &w->plane[k]));
    w->descriptor = open(w->path, O_RDWR | O_CLOEXEC);
    if (w->descriptor < 0) rc = fail(FAILED, "%s: cannot be opened: %s", w->path, strerror(errno));
done:
    h5_close(file);
    return rc;
}
