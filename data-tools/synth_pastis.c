#include "data-tools/synth_pastis.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
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
#include "data-tools/synth_world.h"
#include "format/npy.h"

enum {
    FIRST_ID = 10000,
    FOLDS = 5,
    PATCHES = 20, /* when it is not said how many */
    PASTIS_CLASSES = 20,
    PIXELS_A_PARCEL = 140,
    FIRST_DAY = 17775, /* 2018-09-01, since 1970-01-01 */
    YEAR = 365,        /* days from then */
    LEAD = 45,         /* the world's first season day is that many days later */
    CLOUDS = 6,        /* most of one image */
};

/* What a stream of draws is for. */
enum purpose { PURPOSE_PATCH = 1, PURPOSE_PARCEL, PURPOSE_CLOUDS, PURPOSE_NOISE };

static random_key key_of(const synth_pastis_options *o, enum purpose purpose, int patch, int index)
{
    return random_stream(o->seed, RANDOM_SYNTHETIC, (uint64_t)purpose << 56 | (uint64_t)patch << 24 | (uint64_t)index);
}

/* ---- one patch ----------------------------------------------------------------------------------------------------- */

typedef struct cell { /* around a point: a parcel, or background */
    double x, y, ground;
    int class_index, id; /* id 0: no parcel */
    synth_season_curve season;
} cell;

typedef struct patch {
    int index, fold, dates, cells, parcels; /* fold from 0 */
    int32_t *days;                          /* [dates] since FIRST_DAY */
    cell *cell;
    int *nearest;   /* [size x size] */
    bool *border;   /* [size x size] */
    int32_t *given; /* [cells - 1] ids of real parcels, sorted, of cells 1 ..; cell 0 is background; NULL: none */
    double cover;   /* share of pixels that lie in a parcel */
    int16_t *values;
    uint8_t *target;
    int32_t *ids;
} patch;

static void patch_free(patch *p)
{
    free(p->days);
    free(p->cell);
    free(p->nearest);
    free(p->border);
    free(p->values);
    free(p->target);
    free(p->ids);
    free(p->given);
}

/* Real parcels decide how many cells there are. */
static int parcels_take(const synth_parcels *real, patch *p)
{
    int rc = OK;
    size_t count;
    TRY(synth_parcels_read(real, (size_t)p->index % real->count, p->ids));
    TRY(synth_parcels_list(p->ids, (size_t)real->side * (size_t)real->side, &p->given, &count));
    p->cells = (int)count + 1;
done:
    return rc;
}

static int patch_new(const synth_pastis_options *o, const synth_parcels *real, int index, patch *p)
{
    synth_draws d = {key_of(o, PURPOSE_PATCH, index, 0), 0};
    const size_t pixels = (size_t)o->size * (size_t)o->size;
    int rc = OK, span = o->most_dates - o->least_dates + 1;
    *p = (patch){.index = index, .fold = (int)((real->count ? (size_t)index % real->count : (size_t)index) % FOLDS)};
    p->dates = o->least_dates + (int)(synth_uniform(&d) * span);
    p->cells = 2 + (int)(pixels / PIXELS_A_PARCEL);
    TRY_NEW(p->ids = memory_new(pixels, sizeof *p->ids));
    if (real->count) TRY(parcels_take(real, p));
    TRY_NEW(p->days = memory_new((size_t)p->dates, sizeof *p->days));
    TRY_NEW(p->cell = memory_new((size_t)p->cells, sizeof *p->cell));
    TRY_NEW(p->nearest = memory_new(pixels, sizeof *p->nearest));
    TRY_NEW(p->border = memory_new(pixels, sizeof *p->border));
    TRY_NEW(p->values = memory_new(pixels * (size_t)p->dates, (size_t)o->bands * sizeof *p->values));
    TRY_NEW(p->target = memory_new(pixels, 3));
    for (int t = 0; t < p->dates; t++) { /* one in each of as many equal parts of the year */
        int first = t * YEAR / p->dates, next = (t + 1) * YEAR / p->dates;
        p->days[t] = first + (int)(synth_uniform(&d) * (next - first));
    }
done:
    return rc;
}

/* Crops are 1 .. classes - 2, frequent ones first. */
static int crop_draw(const synth_pastis_options *o, synth_draws *d)
{
    return 1 + (int)((o->classes - 2) * pow(synth_uniform(d), 1.25));
}

static void cells_draw(const synth_pastis_options *o, patch *p)
{
    for (int i = 0; i < p->cells; i++) {
        synth_draws d = {key_of(o, PURPOSE_PARCEL, p->index, i), 0};
        cell *c = &p->cell[i];
        int number = p->index * p->cells + i; /* over all patches */
        c->x = o->size * synth_uniform(&d);
        c->y = o->size * synth_uniform(&d);
        c->ground = 1 + 0.12 * synth_normal(&d);
        double kind = synth_uniform(&d);
        int crop = crop_draw(o, &d);
        if (number < o->classes - 2) /* every crop at least once */
            c->class_index = number + 1;
        else
            c->class_index = kind < 0.15 ? 0 : kind < 0.20 ? o->classes - 1 : crop;
        /* Void parcels are crops of which nobody knows the kind; background is a season that no crop has. */
        c->season = synth_season(c->class_index == o->classes - 1 ? crop : c->class_index);
        if (p->given && !i) c->class_index = 0;
        if (!c->class_index) c->season.vigour = 0.1;
        c->season = synth_season_vary(c->season, &d);
        p->parcels += c->class_index > 0;
        c->id = !c->class_index ? 0 : p->given ? p->given[i - 1] : p->parcels;
    }
}

static void pixel_label(patch *p, size_t at, size_t pixels, size_t *inside)
{
    const cell *c = &p->cell[p->nearest[at]];
    const bool parcel = c->id && !p->border[at];
    p->target[at] = (uint8_t)(parcel ? c->class_index : 0);
    p->target[pixels + at] = (uint8_t)c->class_index;
    if (!p->given) p->ids[at] = parcel ? c->id : 0; /* real ids stay, those of background parcels too */
    *inside += parcel;
}

static int by_id(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Each pixel belongs to the real parcel whose id it has. */
static void land_take(const synth_pastis_options *o, patch *p)
{
    size_t inside = 0, pixels = (size_t)o->size * (size_t)o->size;
    for (size_t at = 0; at < pixels; at++) {
        const int32_t *found = bsearch(&p->ids[at], p->given, (size_t)p->cells - 1, sizeof *p->given, by_id);
        p->nearest[at] = found ? (int)(found - p->given) + 1 : 0;
        pixel_label(p, at, pixels, &inside);
    }
    p->cover = (double)inside / (double)pixels;
}

/* Each pixel belongs to the cell of the nearest point; one about as near to two lies between them. */
static void land_divide(const synth_pastis_options *o, patch *p)
{
    size_t inside = 0, pixels = (size_t)o->size * (size_t)o->size;
    for (size_t at = 0; at < pixels; at++) {
        double x = (double)(at % (size_t)o->size) + 0.5, y = (double)(at / (size_t)o->size) + 0.5;
        double first = HUGE_VAL, second = HUGE_VAL;
        for (int i = 0; i < p->cells; i++) {
            double away = (p->cell[i].x - x) * (p->cell[i].x - x) + (p->cell[i].y - y) * (p->cell[i].y - y);
            if (away < first) {
                second = first;
                first = away;
                p->nearest[at] = i;
            } else if (away < second) {
                second = away;
            }
        }
        p->border[at] = sqrt(second) - sqrt(first) < 1;
        pixel_label(p, at, pixels, &inside);
    }
    p->cover = (double)inside / (double)pixels;
}

/* ---- one image ----------------------------------------------------------------------------------------------------- */

typedef struct sky {
    int clouds;
    double x[CLOUDS], y[CLOUDS], reach[CLOUDS], haze;
} sky;

static sky sky_draw(const synth_pastis_options *o, const patch *p, int date)
{
    synth_draws d = {key_of(o, PURPOSE_CLOUDS, p->index, date), 0};
    sky s = {.haze = 0.01 * synth_normal(&d)};
    if (synth_uniform(&d) < 0.33) s.clouds = 1 + (int)(synth_uniform(&d) * CLOUDS);
    for (int i = 0; i < s.clouds; i++) {
        s.x[i] = o->size * synth_uniform(&d);
        s.y[i] = o->size * synth_uniform(&d);
        s.reach[i] = o->size * (0.05 + 0.3 * synth_uniform(&d));
    }
    return s;
}

/* 0: clear, 1: nothing of the ground is seen. */
static double cloud_at(const sky *s, double x, double y)
{
    double thickness = 0;
    for (int i = 0; i < s->clouds; i++) {
        double away = ((x - s->x[i]) * (x - s->x[i]) + (y - s->y[i]) * (y - s->y[i])) / (s->reach[i] * s->reach[i]);
        if (away < 6) thickness += 1.5 * exp(-away);
    }
    return synth_clamp(thickness - 0.15, 0, 1);
}

/* Uniform in [-1, 1), 8 a block: many are needed, and their shape matters little. */
typedef struct noise {
    random_key key;
    uint64_t next;
    uint32_t word[4];
} noise;

static double noise_draw(noise *n)
{
    uint64_t at = n->next++ % 8;
    if (!at) random_block(n->key, n->next, n->word);
    return (double)(n->word[at / 2] >> 16 * (at % 2) & 0xffff) / 32768 - 1;
}

/* [bands x size x size] of one date */
static void frame_fill(const synth_pastis_options *o, const patch *p, int date, double *covers, int16_t *values)
{
    const size_t size = (size_t)o->size, pixels = size * size;
    const sky s = sky_draw(o, p, date);
    noise n = {.key = key_of(o, PURPOSE_NOISE, p->index, date)};
    for (int i = 0; i < p->cells; i++) covers[i] = synth_cover(&p->cell[i].season, p->days[date] - LEAD);
    for (size_t at = 0; at < pixels; at++) {
        const cell *c = &p->cell[p->nearest[at]];
        double cloud = s.clouds ? cloud_at(&s, (double)(at % size), (double)(at / size)) : 0;
        double cover = p->border[at] ? 0.3 : covers[p->nearest[at]];
        double green = synth_clamp(cover + 0.1 * noise_draw(&n), 0, 1);
        for (int b = 0; b < o->bands; b++) {
            double clear = synth_reflectance(b, green, c->ground) * (1 + 0.05 * noise_draw(&n)) + s.haze;
            double seen = (1 - cloud) * clear + 0.7 * cloud;
            values[(size_t)b * pixels + at] = (int16_t)lrint(10000 * synth_clamp(seen, 0, 2));
        }
    }
}

static int patch_fill(const synth_pastis_options *o, patch *p)
{
    const size_t frame = (size_t)o->size * (size_t)o->size * (size_t)o->bands;
    double *covers = memory_new((size_t)p->cells, sizeof *covers);
    if (!covers) return FAILED;
    cells_draw(o, p);
    if (p->given)
        land_take(o, p);
    else
        land_divide(o, p);
    for (int t = 0; t < p->dates; t++) frame_fill(o, p, t, covers, p->values + (size_t)t * frame);
    free(covers);
    return OK;
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static int array_write(const char *folder, const char *what, const patch *p, enum number_type type, int rank,
                       const size_t *shape, const void *values)
{
    char *path = text_format("%s/%s_%d.npy", folder, what, FIRST_ID + p->index);
    int rc = path ? npy_write(path, type, rank, shape, values) : FAILED;
    free(path);
    return rc;
}

static int patch_write(const synth_pastis_options *o, const patch *p, const char *data, const char *annotations)
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

static cJSON *feature_of(const synth_pastis_options *o, const patch *p)
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
        cJSON_AddNumberToObject(dates, text, date_digits(FIRST_DAY + p->days[t]));
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
    for (int f = 0; f < FOLDS; f++) {
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
    TRY(synth_in_range("the fewest dates", o->least_dates, 1, YEAR));
    TRY(synth_in_range("the most dates", o->most_dates, o->least_dates, YEAR));
    TRY(synth_in_range("bands", o->bands, 1, 1000));
    TRY(synth_in_range("classes", o->classes, 3, 256));
done:
    return rc;
}

static int patches_write(const synth_pastis_options *o, const synth_parcels *real, const char *data,
                         const char *annotations, cJSON *features, moments *folds)
{
    const size_t pixels = (size_t)o->size * (size_t)o->size;
    patch p = {0};
    int rc = OK;
    for (int i = 0; i < o->patches; i++) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted after %d patches", i);
        TRY(patch_new(o, real, i, &p));
        TRY(patch_fill(o, &p));
        moments_add_planes(&folds[p.fold], NUMBER_I16, p.values, (size_t)p.dates, pixels);
        TRY(patch_write(o, &p, data, annotations));
        json_append(features, feature_of(o, &p));
        patch_free(&p);
        p = (patch){0};
        log_progress("making patches", (size_t)i + 1, (size_t)o->patches, "");
    }
done:
    patch_free(&p);
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
    moments folds[FOLDS] = {{0}};
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
    for (int f = 0; f < FOLDS; f++) TRY(moments_new(options->bands, &folds[f]));
    TRY(folder_make(data));
    TRY(folder_make(annotations));
    TRY(patches_write(options, &real, data, annotations, features, folds));
    TRY(documents_write(options, folder, metadata, folds));
done:
    for (int f = 0; f < FOLDS; f++) moments_free(&folds[f]);
    cJSON_Delete(metadata);
    synth_parcels_free(&real);
    free(data);
    free(annotations);
    return rc;
}
