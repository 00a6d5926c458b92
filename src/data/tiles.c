#include "data/tiles.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"
#include "format/npy.h"

enum { DOCUMENT_MAX = 1 << 22, SIDE_MAX = 1 << 14, GRID_MAX = 1000000, TILES_MAX = 100000000 };

/* ---- where tiles lie ----------------------------------------------------------------------------------------------- */

static int tiles_along(const tile_plan *p, int length)
{
    const int step = p->side - 2 * p->margin;
    return length <= p->side ? 1 : (length - p->side + step - 1) / step + 1;
}

int tiles_lay(tile_plan *p)
{
    if (p->side < 1 || p->side > SIDE_MAX || p->margin < 0 || 2 * p->margin >= p->side)
        return fail(USAGE, "tiles of %d pixels with margins of %d: wanted 1 to %d, and margins that leave something",
                    p->side, p->margin, SIDE_MAX);
    if (p->grid.width < p->side || p->grid.height < p->side)
        return fail(USAGE, "the images' %d x %d pixels are smaller than a tile of %d", p->grid.width, p->grid.height,
                    p->side);
    if (p->parcels && !p->margin)
        return fail(USAGE, "tiles without margins: wanted some, since parcels are joined by what two tiles share");
    p->across = tiles_along(p, p->grid.width);
    p->down = tiles_along(p, p->grid.height);
    if (p->across > TILES_MAX / p->down)
        return fail(USAGE, "%d x %d tiles: wanted at most %d in all", p->across, p->down, TILES_MAX);
    return OK;
}

tile_span tile_span_of(const tile_plan *p, int length, int k)
{
    const int step = p->side - 2 * p->margin, count = tiles_along(p, length), last = length - p->side;
    return (tile_span){
        .start = k * step < last ? k * step : last,
        .from = k ? k * step + p->margin : 0,
        .to = k + 1 < count ? (k + 1) * step + p->margin : length,
    };
}

/* ---- the plan as a document ---------------------------------------------------------------------------------------- */

static cJSON *document_of(const tile_plan *p)
{
    char text[32];
    cJSON *all = cJSON_CreateObject(), *classes;
    cJSON_AddStringToObject(all, "furrow_format", "tiles");
    cJSON_AddNumberToObject(all, "version", 1);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)p->state);
    cJSON_AddStringToObject(all, "state", text);
    cJSON_AddNumberToObject(all, "width", p->grid.width);
    cJSON_AddNumberToObject(all, "height", p->grid.height);
    json_add(all, "transform", cJSON_CreateDoubleArray(p->grid.transform, 6));
    cJSON_AddStringToObject(all, "crs", p->grid.crs);
    cJSON_AddNumberToObject(all, "tile", p->side);
    cJSON_AddNumberToObject(all, "margin", p->margin);
    cJSON_AddNumberToObject(all, "last_day", p->last_day);
    if (p->parcels) cJSON_AddTrueToObject(all, "parcels");
    classes = cJSON_AddArrayToObject(all, "classes");
    for (int k = 0; k < p->class_count; k++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "name", p->classes[k].name);
        cJSON_AddNumberToObject(one, "colour", p->classes[k].colour);
        json_append(classes, one);
    }
    return all;
}

static int number_of(const cJSON *all, const char *key, double least, double most, const char *where, double *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(all, key);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= least && item->valuedouble <= most) ||
        floor(item->valuedouble) != item->valuedouble)
        return fail(FAILED, "%s: \"%s\": wanted a whole number from %.0f to %.0f", where, key, least, most);
    *out = item->valuedouble;
    return OK;
}

static int int_of(const cJSON *all, const char *key, double least, double most, const char *where, int *out)
{
    double value;
    const int rc = number_of(all, key, least, most, where, &value);
    if (!rc) *out = (int)value;
    return rc;
}

static int grid_read(const cJSON *all, const char *where, tile_plan *out)
{
    const cJSON *crs = cJSON_GetObjectItemCaseSensitive(all, "crs"), *item;
    const cJSON *transform = cJSON_GetObjectItemCaseSensitive(all, "transform");
    int rc = OK, k = 0;
    TRY(int_of(all, "width", 1, GRID_MAX, where, &out->grid.width));
    TRY(int_of(all, "height", 1, GRID_MAX, where, &out->grid.height));
    cJSON_ArrayForEach(item, transform)
        if (k < 6 && cJSON_IsNumber(item)) out->grid.transform[k++] = item->valuedouble;
    if (k != 6 || !cJSON_IsString(crs))
        return fail(FAILED, "%s: wanted \"transform\", six numbers, and \"crs\"", where);
    TRY_NEW(out->grid.crs = text_copy(crs->valuestring));
done:
    return rc;
}

static int classes_read(const cJSON *all, const char *where, tile_plan *out)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(all, "classes"), *item;
    const int count = cJSON_GetArraySize(list);
    double colour;
    int rc = OK;
    if (!cJSON_IsArray(list) || count < 1 || count > TILE_CLASSES_MAX)
        return fail(FAILED, "%s: \"classes\": wanted a list of 1 to %d", where, TILE_CLASSES_MAX);
    TRY_NEW(out->classes = memory_new((size_t)count, sizeof *out->classes));
    cJSON_ArrayForEach(item, list) {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "name");
        if (!cJSON_IsString(name)) return fail(FAILED, "%s: a class has no name", where);
        TRY(number_of(item, "colour", 0, 0xffffff, where, &colour));
        TRY_NEW(out->classes[out->class_count].name = text_copy(name->valuestring));
        out->classes[out->class_count++].colour = (uint32_t)colour;
    }
done:
    return rc;
}

int tiles_open(const char *folder, tile_plan *out)
{
    int rc = OK;
    cJSON *all = NULL;
    const cJSON *kind;
    char *path = path_join(folder, "tiles.json");
    *out = (tile_plan){0};
    TRY_NEW(path);
    TRY(json_read(path, DOCUMENT_MAX, &all));
    kind = cJSON_GetObjectItemCaseSensitive(all, "furrow_format");
    if (!cJSON_IsString(kind) || strcmp(kind->valuestring, "tiles") != 0) {
        rc = fail(FAILED, "%s: is no plan of tiles", path);
        goto done;
    }
    TRY(grid_read(all, path, out));
    TRY(int_of(all, "tile", 1, SIDE_MAX, path, &out->side));
    TRY(int_of(all, "margin", 0, SIDE_MAX, path, &out->margin));
    TRY(int_of(all, "last_day", -1000000, 1000000, path, &out->last_day));
    out->parcels = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(all, "parcels"));
    TRY(classes_read(all, path, out));
    TRY(tiles_lay(out));
done:
    if (rc) tiles_free(out);
    cJSON_Delete(all);
    free(path);
    return rc;
}

void tiles_free(tile_plan *p)
{
    for (int k = 0; k < p->class_count; k++) free(p->classes[k].name);
    free(p->classes);
    free((void *)(uintptr_t)p->grid.crs);
    *p = (tile_plan){0};
}

/* Several processes may come here at once: all of them write the same bytes. */
int tiles_begin(const tile_plan *p, const char *folder)
{
    int rc = OK;
    size_t length;
    char *path = path_join(folder, "tiles.json"), *tiles = path_join(folder, "tiles"), *wanted = NULL, *there = NULL;
    cJSON *all = document_of(p);
    TRY_NEW(path);
    TRY_NEW(tiles);
    TRY(folder_make(tiles));
    TRY_NEW(wanted = json_print(all, true));
    if (!file_exists(path)) TRY(file_write(path, wanted, strlen(wanted)));
    TRY(file_read(path, DOCUMENT_MAX, &there, &length));
    if (strcmp(there, wanted) != 0)
        rc = fail(FAILED, "%s: is of other images, weights or tiles than these: wanted another folder, or an empty one",
                  path);
done:
    free(wanted);
    cJSON_Delete(all);
    free(there);
    free(path);
    free(tiles);
    return rc;
}

/* ---- one tile ------------------------------------------------------------------------------------------------------ */

char *tile_path(const tile_plan *p, const char *folder, int index, const char *ending)
{
    return text_format("%s/tiles/%d_%d%s.npy", folder, index / p->across, index % p->across, ending);
}

static void shape_of(const tile_plan *p, int index, size_t shape[3])
{
    const tile_span y = tile_span_of(p, p->grid.height, index / p->across);
    const tile_span x = tile_span_of(p, p->grid.width, index % p->across);
    shape[0] = 2;
    shape[1] = (size_t)(y.to - y.from);
    shape[2] = (size_t)(x.to - x.from);
}

static bool is_right(const npy_header *h, const size_t shape[3])
{
    return h->type == NUMBER_U8 && !h->fortran && h->rank == 3 && h->shape[0] == shape[0] && h->shape[1] == shape[1] &&
           h->shape[2] == shape[2];
}

bool tile_is_done(const tile_plan *p, const char *folder, int index)
{
    npy_header h;
    size_t shape[3];
    char *path = tile_path(p, folder, index, "");
    shape_of(p, index, shape);
    const bool done = path && file_exists(path) && !npy_read_header(path, &h) && is_right(&h, shape);
    free(path);
    return done;
}

int tile_save(const tile_plan *p, const char *folder, int index, const uint8_t *values)
{
    size_t shape[3];
    char *path = tile_path(p, folder, index, "");
    shape_of(p, index, shape);
    const int rc = path ? npy_save(path, NUMBER_U8, 3, shape, values) : FAILED;
    free(path);
    return rc;
}

int tile_load(const tile_plan *p, const char *folder, int index, uint8_t **values)
{
    int rc = OK;
    npy_header h;
    size_t shape[3];
    void *read = NULL;
    char *path = tile_path(p, folder, index, "");
    TRY_NEW(path);
    shape_of(p, index, shape);
    TRY(npy_read(path, shape[0] * shape[1] * shape[2], &h, &read));
    if (!is_right(&h, shape)) {
        rc = fail(FAILED, "%s: is no tile of this map: wanted uint8 2 x %zu x %zu", path, shape[1], shape[2]);
        goto done;
    }
    *values = read;
    read = NULL;
done:
    free(read);
    free(path);
    return rc;
}
