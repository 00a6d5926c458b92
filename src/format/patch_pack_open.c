/* Opening a patch pack: everything but the images is read, and checked before it is believed. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/id.h"
#include "format/patch_pack_internal.h"

enum {
    PATCHES_MAX = 1 << 24,
    SIZE_MOST = 1 << 14, /* pixels of a side */
    BANDS_MOST = 1 << 12,
    DATES_MOST = 1 << 20,
    DAY_MOST = 200000, /* five centuries around 1970 */
};

/* ---- the root ------------------------------------------------------------------------------------------------------ */

static int number_read(patch_pack *p, const char *name, int64_t least, int64_t most, int *out)
{
    int64_t value;
    int rc = h5_get_int(p->file, "/", name, &value);
    if (rc) return rc;
    if (value < least || value > most)
        return fail(FAILED, "%s: %s is %lld, wanted %lld to %lld", h5_path(p->file), name, (long long)value,
                    (long long)least, (long long)most);
    *out = (int)value;
    return OK;
}

static int kind_check(patch_pack *p)
{
    char *format = NULL;
    bool ours, closed;
    int version, complete = 0, rc = OK;
    const char *path = h5_path(p->file);
    TRY(h5_has_attribute(p->file, "/", "furrow_format", &ours));
    if (!ours) return fail(FAILED, "%s: is not one of furrow's files: it has no attribute furrow_format", path);
    TRY(h5_get_text(p->file, "/", "furrow_format", &format));
    if (strcmp(format, "patches") != 0) {
        rc = fail(FAILED, "%s: is a %.40s, wanted a pack of image patches (furrow pack pastis)", path, format);
        goto done;
    }
    TRY(number_read(p, "version", 1, 1, &version));
    TRY(h5_has_attribute(p->file, "/", "complete", &closed));
    if (closed) TRY(number_read(p, "complete", 0, 1, &complete));
    if (!complete) rc = fail(FAILED, "%s: is unfinished: run the same furrow pack again", path);
done:
    free(format);
    return rc;
}

static int root_read(patch_pack *p)
{
    int rc = OK;
    TRY(kind_check(p));
    TRY(number_read(p, "height", 1, SIZE_MOST, &p->height));
    TRY(number_read(p, "width", 1, SIZE_MOST, &p->width));
    TRY(number_read(p, "crs", 0, INT32_MAX, &p->crs));
done:
    return rc;
}

/* ---- patches ------------------------------------------------------------------------------------------------------- */

static int ids_check(const patch_pack *p)
{
    const char *path = h5_path(p->file);
    if (!p->count) return fail(FAILED, "%s: holds no patch", path);
    for (size_t i = 0; i < p->count; i++) {
        if (!*patch_pack_id(p, i)) return fail(FAILED, "%s: patch %zu has no id", path, i);
        if (i && id_compare(patch_pack_id(p, i - 1), patch_pack_id(p, i)) >= 0)
            return fail(FAILED, "%s: /patches/id: \"%s\" comes after \"%s\", wanted every id once and in order", path,
                        patch_pack_id(p, i), patch_pack_id(p, i - 1));
    }
    return OK;
}

static int corners_read(patch_pack *p)
{
    bool there;
    int rc = h5_exists(p->file, "/patches/corners", &there);
    if (rc || !there) return rc;
    TRY(patch_column_read(p, "/patches/corners", NUMBER_F64, p->count * PATCH_CORNERS, &p->corners));
    for (size_t i = 0; i < p->count * PATCH_CORNERS; i++)
        if (isnan(p->corners[i]) != isnan(p->corners[i - i % PATCH_CORNERS]) || isinf(p->corners[i]))
            return fail(FAILED, "%s: /patches/corners: patch %s: wanted four corners, or none", h5_path(p->file),
                        patch_pack_id(p, i / PATCH_CORNERS));
done:
    return rc;
}

static int patches_read(patch_pack *p)
{
    int rc = OK;
    TRY(h5_read_text(p->file, "/patches/id", PATCHES_MAX, &p->ids, &p->id_width, &p->count));
    TRY(ids_check(p));
    TRY(patch_column_read(p, "/patches/fold", NUMBER_I32, p->count, &p->fold));
    for (size_t i = 0; i < p->count; i++)
        if (p->fold[i] < 0 || p->fold[i] > PATCH_FOLDS)
            return fail(FAILED, "%s: patch %s: fold %d, wanted 1 to %d, or 0 for none", h5_path(p->file),
                        patch_pack_id(p, i), p->fold[i], PATCH_FOLDS);
    TRY(corners_read(p));
done:
    return rc;
}

/* ---- satellites ---------------------------------------------------------------------------------------------------- */

static int days_read(patch_pack *p, const char *group, patch_series *s, size_t *frames)
{
    char place[400];
    const char *path = h5_path(p->file);
    int rc = OK;
    snprintf(place, sizeof place, "%.380s/first", group);
    TRY(patch_column_read(p, place, NUMBER_U64, p->count + 1, &s->first));
    if (s->first[0])
        return fail(FAILED, "%s: %s starts at %llu, wanted 0", path, place, (unsigned long long)s->first[0]);
    for (size_t i = 0; i < p->count; i++)
        if (s->first[i + 1] < s->first[i] || s->first[i + 1] - s->first[i] > DATES_MOST)
            return fail(FAILED, "%s: %s: patch %s: its dates lie from %llu to %llu, wanted at most %d, in order", path,
                        place, patch_pack_id(p, i), (unsigned long long)s->first[i],
                        (unsigned long long)s->first[i + 1], DATES_MOST);
    *frames = (size_t)s->first[p->count];
    snprintf(place, sizeof place, "%.380s/days", group);
    TRY(patch_column_read(p, place, NUMBER_I32, *frames, &s->days));
    for (size_t i = 0; i < *frames; i++)
        if (s->days[i] < -DAY_MOST || s->days[i] > DAY_MOST)
            return fail(FAILED, "%s: %s: day %zu is %d, wanted -%d to %d since 1970-01-01", path, place, i, s->days[i],
                        DAY_MOST, DAY_MOST);
done:
    return rc;
}

static bool type_is_packed(enum number_type type)
{
    return type == NUMBER_U8 || type == NUMBER_I16 || type == NUMBER_U16 || type == NUMBER_F16 || type == NUMBER_F32;
}

/* A fold without patches has no values: all of them NaN. */
static int norm_check(const patch_pack *p, const patch_satellite *a)
{
    bool needed[PATCH_FOLDS + 1] = {false};
    for (size_t i = 0; i < p->count; i++) needed[p->fold[i]] = true;
    for (int f = 0; f < a->folds; f++)
        for (int b = 0; b < a->bands; b++) {
            double mean = a->mean[f * a->bands + b], std = a->std[f * a->bands + b];
            if (isnan(mean) && isnan(std) && !needed[f + 1]) continue;
            if (!isfinite(mean) || !isfinite(std) || std < 0)
                return fail(FAILED, "%s: %s: fold %d, band %d: mean %g and deviation %g, wanted finite values",
                            h5_path(p->file), a->name, f + 1, b, mean, std);
        }
    return OK;
}

static int norm_read(patch_pack *p, const char *group, patch_satellite *a)
{
    char place[400];
    void *mean;
    double *std;
    char *source;
    h5_about about;
    bool there;
    int rc = OK;
    snprintf(place, sizeof place, "%.380s/mean", group);
    TRY(h5_exists(p->file, place, &there));
    if (!there) return OK;
    TRY(h5_read_new(p->file, place, NUMBER_F64, (size_t)PATCH_FOLDS * BANDS_MOST, &mean, &about));
    a->mean = mean;
    if (about.rank != 2 || about.shape[0] < 1 || about.shape[0] > PATCH_FOLDS || about.shape[1] != (size_t)a->bands)
        return fail(FAILED, "%s: %s: wanted 1 to %d folds of %d bands", h5_path(p->file), place, PATCH_FOLDS, a->bands);
    a->folds = (int)about.shape[0];
    snprintf(place, sizeof place, "%.380s/std", group);
    TRY_NEW(a->std = std = memory_new(about.count, sizeof *std));
    TRY(h5_read(p->file, place, NUMBER_F64, about.count, std));
    TRY(h5_get_text(p->file, group, "normalisation", &source));
    a->source = source;
    TRY(norm_check(p, a));
done:
    return rc;
}

static int series_read(patch_pack *p, const char *group, patch_series *s)
{
    size_t frames = 0, shape[3] = {0, (size_t)p->height, (size_t)p->width};
    int rc = OK;
    TRY(days_read(p, group, s, &frames));
    TRY(patch_rows_open(p, group, "frames", frames, 3, shape, &s->frames));
    const h5_about *about = h5_dataset_about(s->frames.data);
    if (!type_is_packed(about->type) || about->shape[1] < 1 || about->shape[1] > BANDS_MOST) {
        rc = fail(FAILED, "%s: %s/frames: %s of %zu bands, wanted uint8, int16, uint16, float16 or float32 of 1 to %d",
                  h5_path(p->file), group, number_name(about->type), about->shape[1], BANDS_MOST);
        goto done;
    }
    s->about.bands = (int)about->shape[1];
    s->about.type = about->type;
    TRY(norm_read(p, group, &s->about));
done:
    return rc;
}

/* S2 first, where there is one: the names come sorted, and it is what most want. */
static int satellites_read(patch_pack *p)
{
    char **names = NULL, group[320];
    size_t count = 0;
    int rc = OK;
    TRY(h5_list(p->file, "/satellites", &names, &count));
    if (!count) {
        rc = fail(FAILED, "%s: holds no satellite", h5_path(p->file));
        goto done;
    }
    for (size_t i = count; i-- > 1;)
        if (!strcmp(names[i], "S2")) {
            char *first = names[i];
            memmove(names + 1, names, i * sizeof *names);
            names[0] = first;
            break;
        }
    TRY_NEW(p->series = memory_new(count, sizeof *p->series));
    p->satellites = (int)count;
    for (size_t i = 0; i < count; i++) {
        snprintf(group, sizeof group, "/satellites/%.300s", names[i]);
        TRY_NEW(p->series[i].about.name = text_copy(names[i]));
        TRY(series_read(p, group, &p->series[i]));
    }
done:
    h5_names_free(names, count);
    return rc;
}

/* ---- classes ------------------------------------------------------------------------------------------------------ */

static int classes_read(patch_pack *p)
{
    bool there;
    int rc = OK;
    TRY(h5_exists(p->file, "/classes/name", &there));
    if (!there) return OK;
    TRY(h5_read_text(p->file, "/classes/name", PATCH_CLASSES, &p->names, &p->name_width, &p->classes));
    TRY(patch_column_read(p, "/classes/colour", NUMBER_U32, p->classes, &p->colours));
done:
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

int patch_pack_open(const char *path, patch_pack **out)
{
    int rc = OK;
    patch_pack *p = memory_new(1, sizeof *p);
    if (!p) return FAILED;
    p->descriptor = -1;
    TRY(h5_open(path, &p->file));
    TRY(root_read(p));
    TRY(patches_read(p));
    TRY(satellites_read(p));
    TRY(patch_planes_open(p));
    TRY(classes_read(p));
    p->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (p->descriptor < 0) {
        rc = fail(FAILED, "%s: cannot be opened: %s", path, strerror(errno));
        goto done;
    }
    *out = p;
    p = NULL;
done:
    patch_pack_close(p);
    return rc;
}
