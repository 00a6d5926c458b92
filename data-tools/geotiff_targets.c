#include "data-tools/geotiff_targets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "base/text_file.h"

enum { LABELS_MAX = 254, FOLDS_MAX = 5 };

/* ---- classes ------------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static int classes_make(geotiff_targets *t)
{
    const geotiff_parcels *p = t->parcels;
    const int32_t *values = p->labels[0].values;
    size_t count = 0, kept = 0;
    int rc = OK;
    TRY_NEW(t->label = memory_new(p->count, sizeof *t->label));
    TRY_NEW(t->class_of = memory_new(p->count, 1));
    for (size_t i = 0; i < p->count; i++)
        if (values[i] != PACK_NO_LABEL) t->label[count++] = values[i];
    qsort(t->label, count, sizeof *t->label, by_value);
    for (size_t i = 0; i < count; i++)
        if (!kept || t->label[kept - 1] != t->label[i]) t->label[kept++] = t->label[i];
    if (kept > LABELS_MAX)
        return fail(FAILED, "%s: %zu different labels, wanted at most %d: a patch's classes are bytes",
                    p->label_names[0], kept, LABELS_MAX);
    t->labels = (int)kept;
    t->classes = t->labels + 2;
    for (size_t i = 0; i < p->count; i++) {
        const int32_t *found = bsearch(&values[i], t->label, kept, sizeof *t->label, by_value);
        t->class_of[i] = (uint8_t)(found ? found - t->label + 1 : t->labels + 1);
    }
done:
    return rc;
}

/* ---- ids ----------------------------------------------------------------------------------------------------------- */

static bool is_number(const char *id)
{
    const size_t length = strspn(id, "0123456789");
    return !id[length] && length < 10 && id[0] != '0' && length;
}

static int32_t id_of(const geotiff_targets *t, size_t parcel)
{
    return t->own_ids ? (int32_t)strtol(t->parcels->parcel[parcel].id, NULL, 10) : (int32_t)parcel + 1;
}

/* ---- folds --------------------------------------------------------------------------------------------------------- */

int geotiff_targets_fold(const geotiff_targets *t, int column, int row)
{
    return (column / t->block + (t->folds > 3 ? 2 : 1) * (row / t->block)) % t->folds;
}

/* Blocks about as many as four times the folds: large enough to be apart, enough to be alike. */
static int block_side(int across, int down, int folds)
{
    const double side = sqrt((double)across * down / (4.0 * folds));
    return side < 1 ? 1 : (int)side;
}

/* Counts a run's pixels for the folds of the patches that it crosses. */
static void run_count(const geotiff_targets *t, int row, const geotiff_map_run *run, int32_t *counts)
{
    const int end = run->first + run->count, right = end < t->across * t->size ? end : t->across * t->size;
    for (int x = run->first, next; x < right; x = next) {
        const int column = x / t->size;
        next = (column + 1) * t->size < right ? (column + 1) * t->size : right;
        counts[geotiff_targets_fold(t, column, row / t->size)] += next - x;
    }
}

static int homes_find(geotiff_targets *t, const geotiff_map *map)
{
    const size_t parcels = t->parcels->count;
    int32_t(*counts)[FOLDS_MAX] = memory_new(parcels, sizeof *counts);
    int rc = OK;
    TRY_NEW(counts);
    TRY_NEW(t->home = memory_new(parcels, 1));
    for (int y = 0; y < t->down * t->size; y++)
        for (size_t k = map->first[y]; k < map->first[y + 1]; k++)
            run_count(t, y, &map->runs[k], counts[map->runs[k].parcel]);
    for (size_t i = 0; i < parcels; i++) {
        int most = 0, folds = 0;
        for (int f = 0; f < t->folds; f++) {
            folds += counts[i][f] > 0;
            if (counts[i][f] > counts[i][most]) most = f;
        }
        t->home[i] = (uint8_t)most;
        t->several += folds > 1;
    }
done:
    free(counts);
    return rc;
}

/* ---- the interface ------------------------------------------------------------------------------------------------- */

int geotiff_targets_new(const geotiff_parcels *p, const geotiff_map *map, int across, int down, int size, int folds,
                        geotiff_targets *out)
{
    int rc = OK;
    *out =
        (geotiff_targets){.parcels = p, .across = across, .down = down, .size = size, .folds = folds, .own_ids = true};
    out->block = block_side(across, down, folds);
    for (size_t i = 0; i < p->count; i++) out->own_ids &= is_number(p->parcel[i].id);
    TRY_NEW(out->mark = memory_new(p->count, sizeof *out->mark));
    TRY(classes_make(out));
    TRY(homes_find(out, map));
    if (out->several) log_note("%zu parcels lie in several folds: each is void in all but one", out->several);
done:
    if (rc) geotiff_targets_free(out);
    return rc;
}

void geotiff_targets_free(geotiff_targets *t)
{
    free(t->label);
    free(t->class_of);
    free(t->home);
    free(t->mark);
    *t = (geotiff_targets){0};
}

void geotiff_targets_paint(geotiff_targets *t, const int32_t *owner, int fold, uint8_t *classes, int32_t *ids,
                           geotiff_painted *out)
{
    const size_t pixels = (size_t)t->size * (size_t)t->size;
    size_t covered = 0;
    *out = (geotiff_painted){0};
    t->patch++;
    for (size_t i = 0; i < pixels; i++) {
        const int32_t parcel = owner[i];
        classes[i] = 0;
        ids[i] = 0;
        if (parcel < 0) continue;
        classes[i] = t->home[parcel] == fold ? t->class_of[parcel] : (uint8_t)(t->labels + 1);
        ids[i] = id_of(t, (size_t)parcel);
        covered++;
        out->parcels += t->mark[parcel] != t->patch;
        t->mark[parcel] = t->patch;
    }
    out->cover = (double)covered / (double)pixels;
}

/* ---- documents ----------------------------------------------------------------------------------------------------- */

static int names_write(const geotiff_targets *t, const char *folder)
{
    const char *texts = t->parcels->labels[0].classes;
    cJSON *all = cJSON_CreateObject(), *classes = texts ? cJSON_Parse(texts) : NULL;
    char *path = path_join(folder, "label_names.json");
    int rc = OK;
    TRY_NEW(path);
    for (int k = 0; k < t->classes; k++) {
        char key[16], number[16];
        const cJSON *text = k && k <= t->labels && classes ? cJSON_GetArrayItem(classes, t->label[k - 1]) : NULL;
        snprintf(key, sizeof key, "%d", k);
        if (k && k <= t->labels) snprintf(number, sizeof number, "%d", t->label[k - 1]);
        cJSON_AddStringToObject(all, key,
                                !k                     ? "Background"
                                : k > t->labels        ? "Void"
                                : cJSON_IsString(text) ? text->valuestring
                                                       : number);
    }
    TRY(json_write(path, all));
done:
    cJSON_Delete(all);
    cJSON_Delete(classes);
    free(path);
    return rc;
}

static int ids_write(const geotiff_targets *t, const char *folder)
{
    text_file *file = NULL;
    char *path = path_join(folder, "parcels.csv");
    int rc = OK;
    TRY_NEW(path);
    TRY(text_file_open(path, &file));
    text_put(file, "number,id\n");
    for (size_t i = 0; i < t->parcels->count; i++) {
        text_put_format(file, "%zu,", i + 1);
        text_put_csv(file, "", t->parcels->parcel[i].id);
        text_put(file, "\n");
    }
    rc = text_file_finish(file);
done:
    free(path);
    return rc;
}

int geotiff_targets_write(const geotiff_targets *t, const char *folder)
{
    int rc = OK;
    TRY(names_write(t, folder));
    if (!t->own_ids) TRY(ids_write(t, folder));
done:
    return rc;
}
