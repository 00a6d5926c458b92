#include "data-tools/geotiff_parcels.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/problems.h"
#include "format/id.h"

enum { ID_BYTES_MAX = 200 };

/* ---- those that cannot be used ------------------------------------------------------------------------------------- */

void geotiff_parcels_leave_out(geotiff_parcels *p, const char *id, long long pixels, const char *why)
{
    if (!p->left_out++) text_put(p->list, "id,pixels,why\n");
    text_put_csv(p->list, "", id);
    text_put_format(p->list, ",%lld,", pixels);
    text_put_csv(p->list, "", why);
    text_put(p->list, "\n");
}

uint64_t geotiff_parcels_hash(const geotiff_parcels *p, uint64_t hash)
{
    for (size_t i = 0; i < p->count; i++) {
        const geotiff_parcel *one = &p->parcel[i];
        hash = hash_text(hash, one->id);
        hash = hash_bytes(hash, &one->area, sizeof one->area);
        hash = hash_bytes(hash, p->runs.items + one->first_run, one->run_count * sizeof(geo_run));
        for (size_t k = 0; k < p->nomenclatures; k++) hash = hash_text(hash, one->labels[k] ? one->labels[k] : "");
    }
    for (size_t k = 0; k < p->nomenclatures; k++) hash = hash_text(hash, p->label_names[k]);
    return hash;
}

int geotiff_parcels_end_list(geotiff_parcels *p, bool keep)
{
    int rc = OK;
    if (keep && p->left_out)
        rc = text_file_finish(p->list);
    else
        text_file_abandon(p->list);
    p->list = NULL;
    return rc;
}

/* ---- fields -------------------------------------------------------------------------------------------------------- */

typedef struct fields {
    int id, label[NOMENCLATURES_MAX]; /* -1: the feature's number */
} fields;

static int label_fields_find(geotiff_parcels *p, const geo_layer *l, const char *names, fields *f)
{
    for (size_t length; names; names = names[length] ? names + length + 1 : NULL) {
        length = strcspn(names, ",");
        if (p->nomenclatures == NOMENCLATURES_MAX) return fail(USAGE, "labels: more than %d fields", NOMENCLATURES_MAX);
        char *name = text_format("%.*s", (int)length, names);
        if (!name) return FAILED;
        p->label_names[p->nomenclatures] = name;
        const int rc = geo_layer_field(l, name, &f->label[p->nomenclatures++]);
        if (rc) return rc;
    }
    return OK;
}

int geotiff_id_field(const geo_layer *l, const char *name, int *index)
{
    if (name) return geo_layer_field(l, name, index);
    *index = geo_layer_find(l, "ID_PARCEL");
    if (*index < 0) *index = geo_layer_find(l, "id");
    return OK;
}

static int fields_find(geotiff_parcels *p, const geo_layer *l, const geotiff_parcels_options *o, fields *f)
{
    int rc = OK;
    TRY(geotiff_id_field(l, o->id, &f->id));
    if (f->id < 0) log_note("no field ID_PARCEL or id: parcels are called by their features' numbers (--id FIELD)");
    TRY(label_fields_find(p, l, o->labels, f));
done:
    return rc;
}

/* Ids are names of files too. */
static const char *id_problem(const char *id)
{
    if (!id || !*id) return "has no id";
    if (strlen(id) > ID_BYTES_MAX) return "its id is longer than 200 bytes";
    if (*id == '.' || strchr(id, '/'))
        return "its id starts with a dot or holds a slash, so that no file can be called so";
    for (; *id; id++)
        if ((unsigned char)*id < ' ') return "its id holds a control character";
    return NULL;
}

/* ---- one polygon --------------------------------------------------------------------------------------------------- */

typedef struct reading {
    geotiff_parcels *p;
    const geotiff_parcels_options *o;
    const geo_grid *grid;
    geo_layer *layer;
    fields fields;
} reading;

static int parcel_keep(reading *r, const geotiff_parcel *drawn)
{
    geotiff_parcels *p = r->p;
    void *grown = p->parcel;
    int rc = memory_grow(&grown, &p->capacity, p->count + 1, sizeof *p->parcel);
    if (rc) return rc;
    p->parcel = grown;
    geotiff_parcel *one = &p->parcel[p->count];
    *one = *drawn;
    TRY_NEW(one->id = text_copy(drawn->id));
    p->count++;
    TRY_NEW(one->labels = memory_new(p->nomenclatures, sizeof *one->labels));
    for (size_t k = 0; k < p->nomenclatures; k++) {
        const char *text = geo_layer_text(r->layer, r->fields.label[k]);
        if (text && *text) TRY_NEW(one->labels[k] = text_copy(text));
    }
done:
    return rc;
}

static const char *pixels_problem(const geotiff_parcels_options *o, uint64_t pixels)
{
    if (!pixels)
        return o->buffer > 0 ? "no pixel of the images lies in it, behind the buffer"
                             : "no pixel of the images "
                               "lies in it";
    if (pixels < (uint64_t)o->least_pixels) return "has too few pixels";
    if (pixels > (uint64_t)o->most_pixels) return "has too many pixels";
    return NULL;
}

static int shape_take(reading *r, const geo_shape *whole, const char *id)
{
    geotiff_parcels *p = r->p;
    geo_shape *inner = NULL;
    geotiff_parcel one = {.id = (char *)(uintptr_t)id, .first_run = p->runs.count};
    uint64_t pixels = 0;
    int rc = OK;
    if (r->o->buffer > 0) TRY(geo_shape_shrink(whole, r->o->buffer, &inner));
    TRY(geo_shape_runs(inner ? inner : whole, r->grid, r->o->touched, &p->runs, &pixels));
    const char *why = pixels_problem(r->o, pixels);
    if (why) {
        geotiff_parcels_leave_out(p, id, (long long)pixels, why);
        p->runs.count = one.first_run;
        goto done;
    }
    one.run_count = p->runs.count - one.first_run;
    one.pixels = (int32_t)pixels;
    one.perimeter = geo_shape_perimeter(whole);
    one.area = geo_shape_area(whole);
    TRY(parcel_keep(r, &one));
done:
    geo_shape_free(inner);
    return rc;
}

static int feature_take(reading *r)
{
    char number[32];
    const char *id = number, *why;
    snprintf(number, sizeof number, "%lld", geo_layer_number(r->layer));
    if (r->fields.id >= 0) id = geo_layer_text(r->layer, r->fields.id);
    why = id_problem(id);
    if (why) {
        geotiff_parcels_leave_out(r->p, number, 0, why);
        return OK;
    }
    geo_shape *shape;
    int rc = geo_layer_shape(r->layer, &shape, &why);
    if (why)
        geotiff_parcels_leave_out(r->p, id, 0, why);
    else if (!rc)
        rc = shape_take(r, shape, id);
    geo_shape_free(shape);
    return rc;
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return id_compare(((const geotiff_parcel *)a)->id, ((const geotiff_parcel *)b)->id);
}

static int sort(geotiff_parcels *p, const char *path)
{
    name_list twice = {0};
    if (p->count) qsort(p->parcel, p->count, sizeof *p->parcel, by_id);
    for (size_t i = 1; i < p->count; i++)
        if (!strcmp(p->parcel[i - 1].id, p->parcel[i].id)) name_list_add(&twice, p->parcel[i].id);
    return twice.count
               ? fail(FAILED, "%s: %lld ids stand for several parcels: %s", path, twice.count, name_list_text(&twice))
               : OK;
}

static int features_read(reading *r)
{
    const size_t total = geo_layer_count(r->layer);
    bool there;
    int rc = OK;
    for (;;) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted while reading parcels; nothing was written");
        TRY(geo_layer_next(r->layer, &there));
        if (!there) break;
        r->p->features++;
        TRY(feature_take(r));
        log_progress("parcels", r->p->features, total, "");
    }
done:
    return rc;
}

int geotiff_parcels_read(const char *path, const geotiff_parcels_options *o, const geo_grid *grid,
                         const char *left_out_path, geotiff_parcels *out)
{
    int rc = OK;
    reading r = {.p = out, .o = o, .grid = grid};
    *out = (geotiff_parcels){0};
    TRY(text_file_open(left_out_path, &out->list));
    TRY(geo_layer_open(path, o->layer, grid->crs, &r.layer));
    TRY(fields_find(out, r.layer, o, &r.fields));
    TRY(features_read(&r));
    if (out->left_out)
        log_warning("%s: %zu of %zu parcels cannot be used: %s says which and why", path, out->left_out, out->features,
                    left_out_path);
    if (!out->count) {
        const size_t features = out->features;
        geotiff_parcels_end_list(out, true);
        rc = fail(FAILED, features ? "%s: none of %zu parcels can be used" : "%s: holds no parcel", path, features);
        goto done;
    }
    TRY(sort(out, path));
done:
    geo_layer_close(r.layer);
    return rc;
}

void geotiff_parcels_free(geotiff_parcels *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->parcel[i].id);
        for (size_t k = 0; p->parcel[i].labels && k < p->nomenclatures; k++) free(p->parcel[i].labels[k]);
        free(p->parcel[i].labels);
    }
    for (size_t k = 0; k < p->nomenclatures; k++) {
        free(p->label_names[k]);
        free((void *)(uintptr_t)p->labels[k].values);
        free((void *)(uintptr_t)p->labels[k].classes);
    }
    geo_runs_free(&p->runs);
    free(p->parcel);
    text_file_abandon(p->list);
    *p = (geotiff_parcels){0};
}

void geotiff_features(const geotiff_parcels *p, size_t i, int32_t pixels, float out[GEOMETRIC_FEATURES])
{
    const geotiff_parcel *one = &p->parcel[i];
    const geo_run *run = p->runs.items + one->first_run;
    int32_t left = INT32_MAX, right = 0, rows = run[one->run_count - 1].row - run[0].row + 1;
    for (size_t k = 0; k < one->run_count; k++) {
        if (run[k].first < left) left = run[k].first;
        if (run[k].first + run[k].count > right) right = run[k].first + run[k].count;
    }
    out[0] = (float)one->perimeter;
    out[1] = (float)pixels;
    out[2] = (float)((double)one->pixels / ((double)(right - left) * (double)rows));
    out[3] = (float)(one->perimeter / one->area);
}
