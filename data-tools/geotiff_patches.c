#include "data-tools/geotiff_patches.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/date.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/geotiff_map.h"
#include "data-tools/geotiff_targets.h"
#include "data-tools/geotiff_windows.h"
#include "format/geojson.h"
#include "format/npy.h"

enum { WINDOW_BYTES = 256 << 20, WINDOW_ROWS_MAX = 2048 };

typedef struct patching {
    const geotiff_patches_options *o;
    const char *out;
    char *left_out, *data, *annotations;
    scenes scenes;
    geotiff_parcels parcels;
    geotiff_map map;
    geotiff_targets targets;
    cJSON *window;                  /* of the one at hand: geotiff_windows.h */
    int across, down;               /* whole patches of the images */
    int window_across, window_down; /* patches that are read together */
    void *values;                   /* [dates][bands][rows][columns] of a window */
    uint8_t *missing;               /* [dates][rows][columns]; NULL: there are no gaps */
    void *patch;                    /* [dates][bands][size][size] */
    int32_t *owner, *ids;           /* [size][size] */
    uint8_t *classes;
    int *dates; /* those of the patch */
    geotiff_patches_result result;
} patching;

geotiff_patches_options geotiff_patches_defaults(void)
{
    return (geotiff_patches_options){.parcels = {.least_pixels = 1, .most_pixels = INT32_MAX}, .size = 128, .folds = 5};
}

/* ---- one patch ----------------------------------------------------------------------------------------------------- */

typedef struct place {
    int column, row;   /* of the patch */
    int left, top;     /* pixels of the window before it */
    int width, height; /* of the window */
} place;

/* Anything of the patch at that date. */
static bool is_seen(const patching *p, const place *at, int date)
{
    const size_t size = (size_t)p->o->size, width = (size_t)at->width;
    if (!p->missing) return true;
    const uint8_t *plane = p->missing + (size_t)date * width * (size_t)at->height;
    for (size_t y = 0; y < size; y++)
        for (size_t x = 0; x < size; x++)
            if (!plane[((size_t)at->top + y) * width + (size_t)at->left + x]) return true;
    return false;
}

static void date_copy(const patching *p, const place *at, int date, void *to)
{
    const size_t size = (size_t)p->o->size, width = (size_t)at->width, bytes = number_size(p->scenes.type);
    const size_t plane = width * (size_t)at->height, bands = (size_t)p->scenes.bands;
    const char *from = (const char *)p->values + (size_t)date * bands * plane * bytes;
    for (size_t c = 0; c < bands; c++)
        for (size_t y = 0; y < size; y++)
            memcpy((char *)to + (c * size + y) * size * bytes,
                   from + (c * plane + ((size_t)at->top + y) * width + (size_t)at->left) * bytes, size * bytes);
}

/* The dates at which something was seen, one after the other. */
static int dates_take(patching *p, const place *at)
{
    const size_t size = (size_t)p->o->size, values = (size_t)p->scenes.bands * size * size;
    int count = 0;
    for (int d = 0; d < p->scenes.dates; d++) {
        if (!is_seen(p, at, d)) continue;
        date_copy(p, at, d, (char *)p->patch + (size_t)count * values * number_size(p->scenes.type));
        p->dates[count++] = d;
    }
    float *reals = p->patch;
    for (size_t i = 0; p->scenes.type == NUMBER_F32 && i < (size_t)count * values; i++)
        if (!isfinite(reals[i])) reals[i] = 0;
    return count;
}

static int array_write(const char *folder, const char *prefix, int id, enum number_type type, int rank,
                       const size_t *shape, const void *values)
{
    char *path = text_format("%s/%s_%d.npy", folder, prefix, id);
    const int rc = path ? npy_save(path, type, rank, shape, values) : FAILED;
    free(path);
    return rc;
}

static int arrays_write(patching *p, int id, int dates)
{
    const size_t size = (size_t)p->o->size;
    const size_t images[4] = {(size_t)dates, (size_t)p->scenes.bands, size, size}, plane[3] = {1, size, size};
    int rc = OK;
    TRY(array_write(p->data, "S2", id, p->scenes.type, 4, images, p->patch));
    TRY(array_write(p->annotations, "TARGET", id, NUMBER_U8, 3, plane, p->classes));
    TRY(array_write(p->annotations, "ParcelIDs", id, NUMBER_I32, 2, plane + 1, p->ids));
done:
    return rc;
}

/* The patch on the ground: a ring, upper left first, clockwise as seen in the image. */
static cJSON *footprint(const patching *p, const place *at)
{
    static const int corner[5][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}};
    const double *t = p->scenes.grid.transform, size = p->o->size;
    cJSON *polygons = cJSON_CreateArray(), *polygon = cJSON_CreateArray(), *ring = cJSON_CreateArray();
    for (int k = 0; k < 5; k++) {
        const double x = size * (at->column + corner[k][0]), y = size * (at->row + corner[k][1]);
        const double point[2] = {t[0] + t[1] * x + t[2] * y, t[3] + t[4] * x + t[5] * y};
        json_append(ring, cJSON_CreateDoubleArray(point, 2));
    }
    json_append(polygon, ring);
    json_append(polygons, polygon);
    return polygons;
}

static void feature_add(patching *p, const place *at, int id, int fold, int dates, const geotiff_painted *painted)
{
    cJSON *feature = cJSON_CreateObject(), *properties = cJSON_AddObjectToObject(feature, "properties"), *list;
    cJSON_AddNumberToObject(properties, "ID_PATCH", id);
    cJSON_AddNumberToObject(properties, "Fold", fold + 1);
    cJSON_AddNumberToObject(properties, "N_Parcel", painted->parcels);
    cJSON_AddNumberToObject(properties, "Parcel_Cover", painted->cover);
    list = cJSON_AddObjectToObject(properties, "dates-S2");
    for (int t = 0; t < dates; t++) {
        char key[16];
        snprintf(key, sizeof key, "%d", t);
        cJSON_AddNumberToObject(list, key, date_digits(p->scenes.days[p->dates[t]]));
    }
    cJSON_AddItemToObject(feature, "footprint", footprint(p, at));
    json_append(cJSON_GetObjectItemCaseSensitive(p->window, "patches"), feature);
}

/* One more of those that become no patch. */
static void leave(patching *p, const char *why)
{
    cJSON *count = cJSON_GetObjectItemCaseSensitive(p->window, why);
    if (count) cJSON_SetNumberValue(count, count->valuedouble + 1);
}

static int patch_take(patching *p, const place *at)
{
    const int size = p->o->size, fold = geotiff_targets_fold(&p->targets, at->column, at->row);
    const int id = at->row * p->across + at->column + 1;
    geotiff_painted painted;
    int rc = OK;
    geotiff_map_paint(&p->map, at->column * size, at->row * size, size, size, p->owner);
    geotiff_targets_paint(&p->targets, p->owner, fold, p->classes, p->ids, &painted);
    if (!painted.parcels) {
        leave(p, "without_parcels");
        return OK;
    }
    const int dates = dates_take(p, at);
    if (!dates) {
        leave(p, "unseen");
        return OK;
    }
    TRY(arrays_write(p, id, dates));
    feature_add(p, at, id, fold, dates, &painted);
done:
    return rc;
}

/* ---- windows ------------------------------------------------------------------------------------------------------- */

static int window_take(patching *p, int column, int row)
{
    scenes *s = &p->scenes;
    const int size = p->o->size;
    const int across = p->across - column < p->window_across ? p->across - column : p->window_across;
    const int down = p->down - row < p->window_down ? p->down - row : p->window_down;
    const size_t plane = (size_t)(across * size) * (size_t)(down * size);
    int rc = OK;
    for (int d = 0; d < s->dates; d++) {
        TRY(interrupt_check());
        TRY(scenes_read(s, d, column * size, row * size, across * size, down * size,
                        (char *)p->values + (size_t)d * (size_t)s->bands * plane * number_size(s->type),
                        p->missing ? p->missing + (size_t)d * plane : NULL));
    }
    for (int y = 0; y < down; y++)
        for (int x = 0; x < across; x++) {
            const place at = {column + x, row + y, x * size, y * size, across * size, down * size};
            TRY(patch_take(p, &at));
            log_progress("patches", (size_t)(at.row * p->across + at.column + 1), (size_t)(p->across * p->down), "");
        }
done:
    return rc;
}

/* A window from the images, and then what is known of it on disk; or what an earlier run has left of it. */
static int window_make(patching *p, int column, int row)
{
    int rc = OK;
    TRY(geotiff_window_read(p->out, row, column, &p->window));
    if (p->window) {
        p->result.resumed += (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(p->window, "patches"));
        goto done;
    }
    p->window = cJSON_CreateObject();
    cJSON_AddNumberToObject(p->window, "without_parcels", 0);
    cJSON_AddNumberToObject(p->window, "unseen", 0);
    cJSON_AddArrayToObject(p->window, "patches");
    TRY(window_take(p, column, row));
    TRY(json_lost());
    TRY(geotiff_window_write(p->out, row, column, p->window));
done:
    cJSON_Delete(p->window);
    p->window = NULL;
    return rc;
}

/* Counts a window's patches, and moves them into the metadata. */
static int window_finish(patching *p, int column, int row, geojson *metadata)
{
    geotiff_patches_result *r = &p->result;
    cJSON *window, *one;
    int rc = OK;
    TRY(geotiff_window_read(p->out, row, column, &window));
    if (!window) return fail(FAILED, "%s/unfinished: is being changed by somebody else", p->out);
    r->without_parcels += (size_t)cJSON_GetObjectItemCaseSensitive(window, "without_parcels")->valuedouble;
    r->unseen += (size_t)cJSON_GetObjectItemCaseSensitive(window, "unseen")->valuedouble;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(window, "patches")) {
        cJSON *properties = cJSON_DetachItemFromObjectCaseSensitive(one, "properties");
        const int dates = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(properties, "dates-S2"));
        const int fold = cJSON_GetObjectItemCaseSensitive(properties, "Fold")->valueint;
        if (!r->patches || dates < r->least_dates) r->least_dates = dates;
        if (dates > r->most_dates) r->most_dates = dates;
        r->patches++;
        if (fold >= 1 && fold <= PATCH_FOLDS_MAX) r->fold[fold - 1]++;
        TRY(geojson_feature(metadata, properties, cJSON_DetachItemFromObjectCaseSensitive(one, "footprint")));
    }
done:
    cJSON_Delete(window);
    return rc;
}

static int windows_new(patching *p)
{
    const scenes *s = &p->scenes;
    const size_t size = (size_t)p->o->size, plane = size * size;
    const size_t pixel = (size_t)s->dates * ((size_t)s->bands * number_size(s->type) + 1);
    int rc = OK;
    const int block = s->block_height < WINDOW_ROWS_MAX ? s->block_height : 1; /* whole blocks are read once */
    p->window_down = (block + p->o->size - 1) / p->o->size;
    if (p->window_down > p->down) p->window_down = p->down;
    const size_t bytes = p->o->window_bytes ? p->o->window_bytes : WINDOW_BYTES;
    const size_t fit = bytes / (pixel * plane * (size_t)p->window_down);
    p->window_across = fit < 1 ? 1 : fit > (size_t)p->across ? p->across : (int)fit;
    const size_t pixels = plane * (size_t)p->window_down * (size_t)p->window_across;
    TRY_NEW(p->values = memory_new(pixels, (size_t)s->dates * (size_t)s->bands * number_size(s->type)));
    if (s->gaps) TRY_NEW(p->missing = memory_new(pixels, (size_t)s->dates));
    TRY_NEW(p->patch = memory_new(plane, (size_t)s->dates * (size_t)s->bands * number_size(s->type)));
    TRY_NEW(p->owner = memory_new(plane, sizeof *p->owner));
    TRY_NEW(p->ids = memory_new(plane, sizeof *p->ids));
    TRY_NEW(p->classes = memory_new(plane, 1));
    TRY_NEW(p->dates = memory_new((size_t)s->dates, sizeof *p->dates));
    TRY(file_room(p->out, (double)plane * (double)p->across * (double)p->down * ((double)pixel + 5)));
done:
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

static int survey(patching *p, const char *scenes_folder, const char *parcels)
{
    const geotiff_patches_options *o = p->o;
    int rc = OK;
    TRY_NEW(p->data = path_join(p->out, "DATA_S2"));
    TRY_NEW(p->annotations = path_join(p->out, "ANNOTATIONS"));
    TRY_NEW(p->left_out = text_format("%s.left-out.csv", p->out));
    TRY(scenes_open(scenes_folder, &o->scenes, &p->scenes));
    p->across = p->scenes.grid.width / o->size;
    p->down = p->scenes.grid.height / o->size;
    if (!p->across || !p->down) {
        rc = fail(FAILED, "%s: the images' %d x %d pixels hold no patch of %d x %d", scenes_folder,
                  p->scenes.grid.width, p->scenes.grid.height, o->size, o->size);
        goto done;
    }
    TRY(geotiff_parcels_read(parcels, &o->parcels, &p->scenes.grid, p->left_out, &p->parcels));
    TRY(geotiff_labels(&p->parcels));
    TRY(geotiff_map_new(&p->parcels, p->scenes.grid.height, &p->map));
    TRY(geotiff_targets_new(&p->parcels, &p->map, p->across, p->down, o->size, o->folds, &p->targets));
    TRY(windows_new(p));
done:
    return rc;
}

/* Whatever the arrays and their order depend on. */
static uint64_t state_of(const patching *p)
{
    const int numbers[] = {p->o->size, p->o->folds, p->window_across, p->window_down};
    return hash_bytes(geotiff_parcels_hash(&p->parcels, p->scenes.state), numbers, sizeof numbers);
}

static int metadata_write(patching *p)
{
    const int epsg = geo_crs_epsg(p->scenes.grid.crs);
    char *path = path_join(p->out, "metadata.geojson");
    geojson *metadata = NULL;
    int rc = OK;
    if (!epsg) log_warning("the images' coordinate system has no EPSG code: metadata.geojson does not name it");
    TRY_NEW(path);
    TRY(geojson_open(path, epsg, &metadata));
    for (int row = 0; row < p->down; row += p->window_down)
        for (int column = 0; column < p->across; column += p->window_across)
            TRY(window_finish(p, column, row, metadata));
    if (!p->result.patches) {
        rc = fail(FAILED, "%s: no whole patch holds a parcel that was seen", p->out);
        goto done;
    }
    rc = geojson_finish(metadata);
    metadata = NULL;
done:
    geojson_abandon(metadata);
    free(path);
    return rc;
}

static int write(patching *p)
{
    int rc = OK;
    TRY(geotiff_windows_begin(p->out, state_of(p)));
    TRY(folder_make(p->data));
    TRY(folder_make(p->annotations));
    TRY(folder_clear_temporaries(p->data));
    TRY(folder_clear_temporaries(p->annotations));
    for (int row = 0; row < p->down; row += p->window_down)
        for (int column = 0; column < p->across; column += p->window_across) TRY(window_make(p, column, row));
    TRY(geotiff_targets_write(&p->targets, p->out));
    TRY(metadata_write(p));
    TRY(geotiff_windows_end(p->out));
done:
    return rc;
}

static void patching_free(patching *p)
{
    cJSON_Delete(p->window);
    geotiff_targets_free(&p->targets);
    geotiff_map_free(&p->map);
    geotiff_parcels_free(&p->parcels);
    scenes_close(&p->scenes);
    free(p->left_out);
    free(p->data);
    free(p->annotations);
    free(p->values);
    free(p->missing);
    free(p->patch);
    free(p->owner);
    free(p->ids);
    free(p->classes);
    free(p->dates);
}

int geotiff_patches(const char *scenes_folder, const char *parcels, const char *out,
                    const geotiff_patches_options *options, geotiff_patches_result *result)
{
    patching p = {.o = options, .out = out};
    int rc = OK;
    if (!options->parcels.labels || strchr(options->parcels.labels, ','))
        return fail(USAGE, "labels \"%s\": patches have one class a pixel: name one field",
                    options->parcels.labels ? options->parcels.labels : "");
    TRY(survey(&p, scenes_folder, parcels));
    TRY(write(&p));
    TRY(geotiff_parcels_end_list(&p.parcels, true));
    p.result.parcels = p.parcels.count;
    p.result.left_out = p.parcels.left_out;
    p.result.classes = p.targets.classes;
    p.result.void_elsewhere = p.targets.several;
    p.result.bands = p.scenes.bands;
    if (result) *result = p.result;
done:
    patching_free(&p);
    return rc;
}
