#include "data-tools/synth_pastis.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/date.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/pack_moments.h"
#include "data-tools/synth_parcels.h"
#include "data-tools/synth_patch.h"
#include "data-tools/synth_world.h"
#include "format/npy.h"

enum {
    FIRST_ID = 10000,
    PATCHES = 20, /* when it is not said how many */
    PASTIS_CLASSES = 20,
};

/* ---- files --------------------------------------------------------------------------------------------------------- */

static int array_write(const char *folder, const char *what, const synth_patch *p, enum number_type type, int rank,
                       const size_t *shape, const void *values)
{
    char *path = text_format("%s/%s_%d.npy", folder, what, FIRST_ID + p->index);
    int rc = path ? npy_write(path, type, rank, shape, values) : FAILED;
    free(path);
    return rc;
}

static int patch_write(const synth_pastis_options *o, const synth_patch *p, const char *data, const char *annotations)
{
    const size_t side = (size_t)o->size;
    const size_t frames[4] = {(size_t)p->dates, (size_t)o->bands, side, side}, planes[3] = {3, side, side};
    int rc = OK;
    TRY(array_write(data, "S2", p, NUMBER_I16, 4, frames, p->values));
    TRY(array_write(annotations, "TARGET", p, NUMBER_U8, 3, planes, p->target));
    TRY(array_write(annotations, "ParcelIDs", p, NUMBER_I32, 2, planes + 1, p->ids));
done:
    return rc;
}

/* A square of 10 m pixels in Lambert-93, in rows of 50, the way published patches lie: a ring, upper left first. */
static cJSON *geometry_of(const synth_pastis_options *o, int index)
{
    double side = 10.0 * o->size, x = 500000 + 1.25 * side * (index % 50), y = 6800000 - 1.25 * side * (index / 50);
    const double ring[5][2] = {{x, y}, {x + side, y}, {x + side, y - side}, {x, y - side}, {x, y}};
    cJSON *geometry = cJSON_CreateObject(), *points = cJSON_CreateArray(), *rings = cJSON_CreateArray(), *polygons;
    for (int i = 0; i < 5; i++) json_append(points, cJSON_CreateDoubleArray(ring[i], 2));
    json_append(rings, points);
    cJSON_AddStringToObject(geometry, "type", "MultiPolygon");
    polygons = cJSON_AddArrayToObject(geometry, "coordinates");
    json_append(polygons, rings);
    return geometry;
}

static cJSON *feature_of(const synth_pastis_options *o, const synth_patch *p)
{
    char text[16];
    cJSON *feature = cJSON_CreateObject(), *properties, *dates;
    snprintf(text, sizeof text, "%d", p->index);
    cJSON_AddStringToObject(feature, "id", text);
    cJSON_AddStringToObject(feature, "type", "Feature");
    properties = cJSON_AddObjectToObject(feature, "properties");
    cJSON_AddNumberToObject(properties, "Fold", 1 + p->fold);
    cJSON_AddNumberToObject(properties, "ID_PATCH", FIRST_ID + p->index);
    cJSON_AddNumberToObject(properties, "N_Parcel", p->parcels);
    cJSON_AddNumberToObject(properties, "Parcel_Cover", p->cover);
    cJSON_AddStringToObject(properties, "TILE", "t31tfm");
    dates = cJSON_AddObjectToObject(properties, "dates-S2");
    for (int t = 0; t < p->dates && dates; t++) {
        snprintf(text, sizeof text, "%d", t);
        cJSON_AddNumberToObject(dates, text, date_digits(SYNTH_FIRST_DAY + p->days[t]));
    }
    json_add(feature, "geometry", geometry_of(o, p->index));
    return feature;
}

static cJSON *metadata_new(cJSON **features)
{
    cJSON *all = cJSON_CreateObject(), *crs, *properties;
    cJSON_AddStringToObject(all, "type", "FeatureCollection");
    crs = cJSON_AddObjectToObject(all, "crs");
    cJSON_AddStringToObject(crs, "type", "name");
    properties = cJSON_AddObjectToObject(crs, "properties");
    cJSON_AddStringToObject(properties, "name", "urn:ogc:def:crs:EPSG::2154");
    *features = cJSON_AddArrayToObject(all, "features");
    return all;
}

static cJSON *norm_document(const moments *folds)
{
    cJSON *all = cJSON_CreateObject();
    for (int f = 0; f < SYNTH_FOLDS; f++) {
        normalisation n;
        char key[16];
        if (!(folds[f].count > 0) || moments_result(&folds[f], &n)) continue;
        snprintf(key, sizeof key, "Fold_%d", f + 1);
        cJSON *fold = cJSON_AddObjectToObject(all, key);
        json_add(fold, "mean", cJSON_CreateDoubleArray(n.mean, n.columns));
        json_add(fold, "std", cJSON_CreateDoubleArray(n.std, n.columns));
        normalisation_free(&n);
    }
    return all;
}

static cJSON *names_document(int classes)
{
    cJSON *all = cJSON_CreateObject();
    for (int k = 0; k < classes; k++) {
        char key[16], name[32];
        snprintf(key, sizeof key, "%d", k);
        snprintf(name, sizeof name, !k ? "Background" : k == classes - 1 ? "Void" : "Crop %d", k);
        cJSON_AddStringToObject(all, key, name);
    }
    return all;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

synth_pastis_options synth_pastis_defaults(void)
{
    return (synth_pastis_options){
        .size = 32, .least_dates = 12, .most_dates = 16, .bands = 10, .classes = 8, .seed = 1};
}

static int options_check(const synth_pastis_options *o)
{
    int rc = OK;
    TRY(synth_in_range("patches", o->patches, 1, 100000));
    TRY(synth_in_range("size", o->size, 4, 4096));
    TRY(synth_in_range("the fewest dates", o->least_dates, 1, SYNTH_YEAR));
    TRY(synth_in_range("the most dates", o->most_dates, o->least_dates, SYNTH_YEAR));
    TRY(synth_in_range("bands", o->bands, 1, 1000));
    TRY(synth_in_range("classes", o->classes, 3, 256));
done:
    return rc;
}

static int patches_write(const synth_pastis_options *o, const synth_parcels *real, const char *data,
                         const char *annotations, cJSON *features, moments *folds)
{
    const size_t pixels = (size_t)o->size * (size_t)o->size;
    synth_patch p = {0};
    int rc = OK;
    for (int i = 0; i < o->patches; i++) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted after %d patches", i);
        TRY(synth_patch_new(o, real, i, &p));
        moments_add_planes(&folds[p.fold], NUMBER_I16, p.values, (size_t)p.dates, pixels);
        TRY(patch_write(o, &p, data, annotations));
        json_append(features, feature_of(o, &p));
        synth_patch_free(&p);
        p = (synth_patch){0};
        log_progress("making patches", (size_t)i + 1, (size_t)o->patches, "");
    }
done:
    synth_patch_free(&p);
    return rc;
}

static int documents_write(const synth_pastis_options *o, const char *folder, const cJSON *metadata,
                           const moments *folds)
{
    int rc = OK;
    cJSON *norm = norm_document(folds), *names = names_document(o->classes);
    TRY(synth_document_write(folder, "metadata.geojson", metadata));
    TRY(synth_document_write(folder, "NORM_S2_patch.json", norm));
    if (o->classes != PASTIS_CLASSES) TRY(synth_document_write(folder, "label_names.json", names));
done:
    cJSON_Delete(norm);
    cJSON_Delete(names);
    return rc;
}

int synth_pastis(const char *folder, synth_pastis_options *options)
{
    int rc = OK;
    synth_parcels real = {0};
    moments folds[SYNTH_FOLDS] = {{0}};
    cJSON *features, *metadata = metadata_new(&features);
    char *data = path_join(folder, "DATA_S2"), *annotations = path_join(folder, "ANNOTATIONS");
    if (!data || !annotations || !features) {
        rc = fail(FAILED, "out of memory");
        goto done;
    }
    if (options->parcels) {
        TRY(synth_parcels_open(options->parcels, &real));
        options->size = real.side;
    }
    if (!options->patches) options->patches = real.count ? (int)(real.count % INT_MAX) : PATCHES;
    TRY(options_check(options));
    if (file_exists(data)) {
        rc = fail(FAILED, "%s exists: wanted a folder without DATA_S2, so that no patches are mixed", data);
        goto done;
    }
    for (int f = 0; f < SYNTH_FOLDS; f++) TRY(moments_new(options->bands, &folds[f]));
    TRY(folder_make(data));
    TRY(folder_make(annotations));
    TRY(patches_write(options, &real, data, annotations, features, folds));
    TRY(documents_write(options, folder, metadata, folds));
done:
    for (int f = 0; f < SYNTH_FOLDS; f++) moments_free(&folds[f]);
    cJSON_Delete(metadata);
    synth_parcels_free(&real);
    free(data);
    free(annotations);
    return rc;
}
