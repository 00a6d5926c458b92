#include "format/pixelset_pack_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/h5.h"

enum { CHUNK_LEAST = 16 << 10, CHUNK_MOST = 1 << 20 }; /* bytes */

struct pack_writer {
    h5 *file;
    h5_dataset *pixels;
    uint64_t done, total; /* values */
    enum number_type type;
};

/* ---- all but the pixels -------------------------------------------------------------------------------------------- */

static int ids_write(h5 *file, const pack_contents *c)
{
    size_t width = 1;
    for (size_t i = 0; i < c->count; i++)
        if (strlen(c->ids[i]) > width) width = strlen(c->ids[i]);
    char *text = memory_new(c->count, width);
    if (!text) return FAILED;
    for (size_t i = 0; i < c->count; i++) memcpy(text + i * width, c->ids[i], strlen(c->ids[i]));
    int rc = h5_write_text(file, "/parcels/id", c->count, width, text);
    free(text);
    return rc;
}

static int parcels_write(h5 *file, const pack_contents *c, uint64_t *total)
{
    const size_t count = c->count, ends = count + 1;
    int rc = OK;
    uint64_t *first_day = NULL, *offset = memory_new(ends, sizeof *offset);
    if (!offset) return FAILED;
    TRY_NEW(first_day = memory_new(ends, sizeof *first_day));
    for (size_t i = 0; i < count; i++) {
        offset[i + 1] = offset[i] + (uint64_t)c->dates[i] * (uint64_t)c->pixels[i] * (uint64_t)c->bands;
        first_day[i + 1] = c->days_shared ? 0 : first_day[i] + (uint64_t)c->dates[i];
    }
    *total = offset[count];
    TRY(ids_write(file, c));
    TRY(h5_write(file, "/parcels/offset", NUMBER_U64, 1, &ends, offset));
    TRY(h5_write(file, "/parcels/dates", NUMBER_I32, 1, &count, c->dates));
    TRY(h5_write(file, "/parcels/pixels", NUMBER_I32, 1, &count, c->pixels));
    if (c->days) TRY(h5_write(file, "/parcels/first_day", NUMBER_U64, 1, &count, first_day));
    if (c->days) TRY(h5_write(file, "/days", NUMBER_I32, 1, &c->day_count, c->days));
done:
    free(first_day);
    free(offset);
    return rc;
}

/* Names may hold any character: members are numbered. */
static int labels_write(h5 *file, const pack_contents *c)
{
    char place[40];
    int rc = OK;
    for (size_t k = 0; k < c->nomenclatures; k++) {
        snprintf(place, sizeof place, "/labels/%zu", k);
        TRY(h5_write(file, place, NUMBER_I32, 1, &c->count, c->labels[k].values));
        TRY(h5_set_text(file, place, "name", c->labels[k].name));
        if (c->labels[k].classes) TRY(h5_set_text(file, place, "classes", c->labels[k].classes));
    }
done:
    return rc;
}

static int features_write(h5 *file, const pack_contents *c)
{
    char place[40];
    int rc = OK;
    for (size_t k = 0; k < c->feature_count; k++) {
        const pack_feature *f = &c->features[k];
        const size_t shape[2] = {c->count, (size_t)f->width};
        snprintf(place, sizeof place, "/features/%zu", k);
        TRY(h5_write(file, place, NUMBER_F32, 2, shape, f->values));
        TRY(h5_set_text(file, place, "name", f->name));
        TRY(h5_set_reals(file, place, "mean", shape[1], f->mean));
        TRY(h5_set_reals(file, place, "std", shape[1], f->std));
    }
done:
    return rc;
}

/* ---- pixels -------------------------------------------------------------------------------------------------------- */

/* About a parcel to a chunk: one that is drawn at random touches two. */
static size_t chunk_values(const pack_contents *c, uint64_t total)
{
    size_t size = number_size(c->type);
    uint64_t bytes = total / c->count * size;
    if (bytes < CHUNK_LEAST) bytes = CHUNK_LEAST;
    if (bytes > CHUNK_MOST) bytes = CHUNK_MOST;
    return (size_t)bytes / size;
}

int pack_writer_open(const char *path, const pack_contents *contents, int deflate, pack_writer **out)
{
    int rc = OK;
    pack_writer *w = memory_new(1, sizeof *w);
    if (!w) return FAILED;
    w->type = contents->type;
    TRY(h5_create(path, &w->file));
    TRY(h5_set_text(w->file, "/", "furrow_format", "pixelset"));
    TRY(h5_set_int(w->file, "/", "version", 1));
    TRY(h5_set_int(w->file, "/", "bands", contents->bands));
    TRY(h5_set_text(w->file, "/", "fingerprint", contents->fingerprint));
    TRY(parcels_write(w->file, contents, &w->total));
    TRY(labels_write(w->file, contents));
    TRY(features_write(w->file, contents));
    const size_t total = (size_t)w->total;
    TRY(h5_dataset_new(w->file, "/pixels", w->type, 1, &total, chunk_values(contents, w->total), deflate, &w->pixels));
    *out = w;
    w = NULL;
done:
    pack_writer_close(w);
    return rc;
}

int pack_writer_append(pack_writer *w, const void *values, size_t count)
{
    if (!count) return OK;
    int rc = h5_dataset_write(w->pixels, (size_t)w->done, count, w->type, values);
    w->done += count;
    return rc;
}

static int normalisation_write(h5 *file, const normalisation *n, const char *source)
{
    const size_t rows = (size_t)n->rows, columns = (size_t)n->columns;
    const size_t shape[2] = {rows > 1 ? rows : columns, columns};
    int rc = OK, rank = rows > 1 ? 2 : columns > 1 ? 1 : 0;
    TRY(h5_write(file, "/normalisation/mean", NUMBER_F64, rank, shape, n->mean));
    TRY(h5_write(file, "/normalisation/std", NUMBER_F64, rank, shape, n->std));
    TRY(h5_set_text(file, "/normalisation", "source", source));
done:
    return rc;
}

int pack_writer_finish(pack_writer *w, const normalisation *n, const char *source)
{
    int rc = OK;
    h5 *file;
    if (w->done != w->total)
        return fail(FAILED, "%s: %llu values came, wanted %llu", h5_path(w->file), (unsigned long long)w->done,
                    (unsigned long long)w->total);
    TRY(normalisation_write(w->file, n, source));
    TRY(h5_set_int(w->file, "/", "complete", 1));
    h5_dataset_close(w->pixels);
    file = w->file;
    w->pixels = NULL;
    w->file = NULL;
    TRY(h5_close(file));
done:
    return rc;
}

void pack_writer_close(pack_writer *w)
{
    if (!w) return;
    h5_dataset_close(w->pixels);
    h5_close(w->file);
    free(w);
}
