/* Opening a pixel-set pack: everything but the pixels is read, and checked before it is believed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/id.h"
#include "format/pixelset_pack_internal.h"

enum {
    PARCELS_MAX = 1 << 28,
    BANDS_MAX = 1 << 16,
    DATES_MAX = 1 << 20,
    WIDTH_MAX = 1 << 16,
    DAY_MAX = 200000, /* five centuries around 1970 */
};

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static int root_check(pixelset_pack *p)
{
    char *format = NULL;
    int64_t version, complete = 0, bands;
    bool ours, closed;
    const char *path = h5_path(p->file);
    int rc = OK;
    TRY(h5_has_attribute(p->file, "/", "furrow_format", &ours));
    if (!ours) return fail(FAILED, "%s: is not one of furrow's files: it has no attribute furrow_format", path);
    TRY(h5_get_text(p->file, "/", "furrow_format", &format));
    if (strcmp(format, "pixelset") != 0) {
        rc = fail(FAILED, "%s: is a %.40s, wanted a pixel-set pack", path, format);
        goto done;
    }
    TRY(h5_get_int(p->file, "/", "version", &version));
    if (version != 1) {
        rc = fail(FAILED, "%s: pack version %lld, wanted 1", path, (long long)version);
        goto done;
    }
    TRY(h5_has_attribute(p->file, "/", "complete", &closed));
    if (closed) TRY(h5_get_int(p->file, "/", "complete", &complete));
    if (complete != 1) {
        rc = fail(FAILED, "%s: is unfinished: run the same furrow pack again", path);
        goto done;
    }
    TRY(h5_get_int(p->file, "/", "bands", &bands));
    if (bands < 1 || bands > BANDS_MAX)
        rc = fail(FAILED, "%s: bands is %lld, wanted 1 to %d", path, (long long)bands, BANDS_MAX);
    p->bands = (int)bands;
done:
    free(format);
    return rc;
}

static int ids_read(pixelset_pack *p)
{
    const char *path = h5_path(p->file);
    int rc = h5_read_text(p->file, "/parcels/id", PARCELS_MAX, &p->ids, &p->id_width, &p->count);
    if (rc) return rc;
    if (!p->count) return fail(FAILED, "%s: holds no parcel", path);
    for (size_t i = 0; i < p->count; i++) {
        if (!*pixelset_pack_id(p, i)) return fail(FAILED, "%s: parcel %zu has no id", path, i);
        if (i && id_compare(pixelset_pack_id(p, i - 1), pixelset_pack_id(p, i)) >= 0)
            return fail(FAILED, "%s: /parcels/id: \"%s\" comes after \"%s\", wanted every id once and in order", path,
                        pixelset_pack_id(p, i), pixelset_pack_id(p, i - 1));
    }
    return OK;
}

static int column_read(pixelset_pack *p, const char *name, enum number_type type, size_t count, void *out)
{
    void **column = out;
    *column = memory_new(count, number_size(type));
    return *column ? h5_read(p->file, name, type, count, *column) : FAILED;
}

static int sizes_check(const pixelset_pack *p)
{
    const char *path = h5_path(p->file);
    if (p->offset[0])
        return fail(FAILED, "%s: /parcels/offset starts at %llu, wanted 0", path, (unsigned long long)p->offset[0]);
    for (size_t i = 0; i < p->count; i++) {
        size_t values;
        if (p->dates[i] < 1 || p->dates[i] > DATES_MAX || p->pixels[i] < 0)
            return fail(FAILED, "%s: parcel %s: %d dates and %d pixels, wanted 1 to %d and 0 or more", path,
                        pixelset_pack_id(p, i), p->dates[i], p->pixels[i], DATES_MAX);
        if (!size_multiply((size_t)p->dates[i] * (size_t)p->bands, (size_t)p->pixels[i], &values) ||
            p->offset[i + 1] < p->offset[i] || p->offset[i + 1] - p->offset[i] != values)
            return fail(FAILED, "%s: parcel %s: its values lie from %llu to %llu, wanted %d x %d x %d of them", path,
                        pixelset_pack_id(p, i), (unsigned long long)p->offset[i], (unsigned long long)p->offset[i + 1],
                        p->dates[i], p->pixels[i], p->bands);
    }
    return OK;
}

static int pixels_open(pixelset_pack *p)
{
    const char *path = h5_path(p->file);
    int rc = h5_dataset_open(p->file, "/pixels", &p->pixel_data);
    if (rc) return rc;
    const h5_about *about = h5_dataset_about(p->pixel_data);
    p->type = about->type;
    if (about->text || p->type > NUMBER_F32)
        return fail(FAILED, "%s: /pixels: %s, wanted uint8, int16, uint16 or float32", path,
                    about->text ? "text" : number_name(p->type));
    if (about->rank != 1 || about->count != p->offset[p->count])
        return fail(FAILED, "%s: /pixels: %zu values in %d dimensions, wanted %llu in one", path, about->count,
                    about->rank, (unsigned long long)p->offset[p->count]);
    return OK;
}

static int parcels_read(pixelset_pack *p)
{
    int rc = OK;
    TRY(ids_read(p));
    TRY(column_read(p, "/parcels/offset", NUMBER_U64, p->count + 1, &p->offset));
    TRY(column_read(p, "/parcels/dates", NUMBER_I32, p->count, &p->dates));
    TRY(column_read(p, "/parcels/pixels", NUMBER_I32, p->count, &p->pixels));
    TRY(sizes_check(p));
    TRY(pixels_open(p));
done:
    return rc;
}

/* ---- days ---------------------------------------------------------------------------------------------------------- */

/* Shared: every first_day is 0 and every T is the number of days. Else the parcels' lists follow each other. */
static int days_check(pixelset_pack *p)
{
    const char *path = h5_path(p->file);
    uint64_t next = 0;
    bool own = true;
    p->shared = true;
    for (size_t i = 0; i < p->count; i++) {
        p->shared &= p->first_day[i] == 0 && (size_t)p->dates[i] == p->day_count;
        own &= p->first_day[i] == next;
        next += (uint64_t)p->dates[i];
    }
    if (!p->shared && (!own || next != p->day_count))
        return fail(FAILED, "%s: /parcels/first_day: wanted 0 for all or one list of days after the other, %zu in all",
                    path, p->day_count);
    for (size_t i = 0; i < p->day_count; i++)
        if (p->days[i] < -DAY_MAX || p->days[i] > DAY_MAX)
            return fail(FAILED, "%s: /days: day %zu is %d, wanted -%d to %d since 1970-01-01", path, i, p->days[i],
                        DAY_MAX, DAY_MAX);
    return OK;
}

static int days_read(pixelset_pack *p)
{
    h5_about about;
    void *days;
    bool there;
    int rc = OK;
    TRY(h5_exists(p->file, "/days", &there));
    if (!there) return OK;
    TRY(h5_read_new(p->file, "/days", NUMBER_I32, SIZE_MAX, &days, &about));
    p->days = days;
    p->day_count = about.count;
    TRY(column_read(p, "/parcels/first_day", NUMBER_U64, p->count, &p->first_day));
    TRY(days_check(p));
done:
    return rc;
}

/* ---- labels and features ------------------------------------------------------------------------------------------- */

/* Both are groups of data sets named by their attribute "name". */
static int labels_read(pixelset_pack *p)
{
    char **keys, place[320];
    size_t count;
    int rc = h5_list(p->file, "/labels", &keys, &count);
    if (rc) return rc;
    TRY_NEW(p->labels = memory_new(count, sizeof *p->labels));
    TRY_NEW(p->nomenclature = memory_new(count, sizeof *p->nomenclature));
    p->nomenclatures = count;
    for (size_t i = 0; i < count; i++) {
        snprintf(place, sizeof place, "/labels/%.300s", keys[i]);
        TRY(h5_get_text(p->file, place, "name", &p->nomenclature[i]));
        TRY(column_read(p, place, NUMBER_I32, p->count, &p->labels[i]));
    }
done:
    h5_names_free(keys, count);
    return rc;
}

static int feature_check(const pixelset_pack *p, const pack_feature *f)
{
    for (int j = 0; j < f->width; j++)
        if (!isfinite(f->mean[j]) || !isfinite(f->std[j]) || f->std[j] < 0)
            return fail(FAILED, "%s: feature %s: mean %g and deviation %g, wanted finite values", h5_path(p->file),
                        f->name, f->mean[j], f->std[j]);
    for (size_t i = 0; i < p->count * (size_t)f->width; i++)
        if (isinf(f->values[i]))
            return fail(FAILED, "%s: feature %s of parcel %s is infinite", h5_path(p->file), f->name,
                        pixelset_pack_id(p, i / (size_t)f->width));
    return OK;
}

static int feature_read(pixelset_pack *p, const char *place, pack_feature *f)
{
    h5_about about;
    void *values = NULL;
    char *name = NULL;
    double *mean = NULL, *std = NULL;
    int rc = OK;
    TRY(h5_get_text(p->file, place, "name", &name));
    f->name = name;
    TRY(h5_read_new(p->file, place, NUMBER_F32, SIZE_MAX, &values, &about));
    f->values = values;
    if (about.rank != 2 || about.shape[0] != p->count || about.shape[1] < 1 || about.shape[1] > WIDTH_MAX) {
        rc = fail(FAILED, "%s: %s: wanted %zu rows of 1 to %d features", h5_path(p->file), place, p->count, WIDTH_MAX);
        goto done;
    }
    f->width = (int)about.shape[1];
    TRY_NEW(f->mean = mean = memory_new(about.shape[1], sizeof *mean));
    TRY_NEW(f->std = std = memory_new(about.shape[1], sizeof *std));
    TRY(h5_get_reals(p->file, place, "mean", about.shape[1], mean));
    TRY(h5_get_reals(p->file, place, "std", about.shape[1], std));
    TRY(feature_check(p, f));
done:
    return rc;
}

static int features_read(pixelset_pack *p)
{
    char **keys, place[320];
    size_t count;
    int rc = h5_list(p->file, "/features", &keys, &count);
    if (rc) return rc;
    TRY_NEW(p->feature = memory_new(count, sizeof *p->feature));
    p->features = count;
    for (size_t i = 0; i < count; i++) {
        snprintf(place, sizeof place, "/features/%.300s", keys[i]);
        TRY(feature_read(p, place, &p->feature[i]));
    }
done:
    h5_names_free(keys, count);
    return rc;
}

/* ---- normalisation ------------------------------------------------------------------------------------------------- */

static int normalisation_shape(const pixelset_pack *p, const h5_about *about, pack_normalisation *n)
{
    n->rows = n->columns = 1;
    if (about->rank) n->columns = p->bands;
    if (about->rank == 2) n->rows = p->dates[0];
    bool fits = about->rank <= 2 && about->count == (size_t)n->rows * (size_t)n->columns &&
                (about->rank < 2 || about->shape[0] == (size_t)n->rows);
    for (size_t i = 0; about->rank == 2 && i < p->count; i++) fits &= p->dates[i] == n->rows;
    if (fits) return OK;
    return fail(FAILED, "%s: /normalisation/mean: %zu values in %d dimensions, wanted one, C (%d) or T x C",
                h5_path(p->file), about->count, about->rank, p->bands);
}

static int pack_normalisation_read(pixelset_pack *p)
{
    h5_about about;
    void *mean;
    double *std;
    char *source;
    pack_normalisation *n = &p->normalisation;
    int rc = OK;
    TRY(h5_get_text(p->file, "/normalisation", "source", &source));
    n->source = source;
    TRY(h5_read_new(p->file, "/normalisation/mean", NUMBER_F64, SIZE_MAX, &mean, &about));
    n->mean = mean;
    TRY(normalisation_shape(p, &about, n));
    TRY_NEW(n->std = std = memory_new(about.count, sizeof *std));
    TRY(h5_read(p->file, "/normalisation/std", NUMBER_F64, about.count, std));
    for (size_t i = 0; i < about.count; i++)
        if (!isfinite(n->mean[i]) || !isfinite(n->std[i]) || n->std[i] < 0) {
            rc = fail(FAILED, "%s: /normalisation: mean %g and deviation %g, wanted finite values", h5_path(p->file),
                      n->mean[i], n->std[i]);
            goto done;
        }
done:
    return rc;
}

int pixelset_pack_open(const char *path, pixelset_pack **out)
{
    int rc = OK;
    pixelset_pack *p = memory_new(1, sizeof *p);
    if (!p) return FAILED;
    TRY(h5_open(path, &p->file));
    TRY(root_check(p));
    TRY(parcels_read(p));
    TRY(days_read(p));
    TRY(labels_read(p));
    TRY(features_read(p));
    TRY(pack_normalisation_read(p));
    *out = p;
    p = NULL;
done:
    pixelset_pack_close(p);
    return rc;
}
