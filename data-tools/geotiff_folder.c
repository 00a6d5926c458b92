/* Parcels as the published folder has them: DATA/ID.npy and META. */
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
#include "data-tools/geotiff_samples.h"
#include "format/npy.h"

/* ---- pixels -------------------------------------------------------------------------------------------------------- */

#define TRANSPOSE(ctype)                                                                                               \
    for (size_t s = 0; s < S; s++)                                                                                     \
        for (size_t c = 0; c < C; c++) ((ctype *)to)[c * S + s] = ((const ctype *)from)[s * C + c]

/* One date: S x C to C x S. */
static void transpose(size_t size, const void *from, size_t S, size_t C, void *to)
{
    if (size == 1)
        TRANSPOSE(uint8_t);
    else if (size == 2)
        TRANSPOSE(uint16_t);
    else
        TRANSPOSE(uint32_t);
}

static int parcel_write(geotiff_samples *s, size_t i, const char *data)
{
    const scenes *of = s->gathered->scenes;
    const size_t size = number_size(of->type), pixels = (size_t)s->pixels[i], bands = (size_t)of->bands;
    const size_t shape[3] = {(size_t)of->dates, bands, pixels}, date = pixels * bands * size;
    const void *values;
    size_t count;
    char *turned = NULL, *path = NULL;
    int rc = OK;
    TRY(geotiff_samples_read(s, i, &values, &count));
    TRY_NEW(turned = memory_new(count, size));
    TRY_NEW(path = text_format("%s/%s.npy", data, s->ids[i]));
    for (size_t t = 0; t < shape[0]; t++)
        transpose(size, (const char *)values + t * date, pixels, bands, turned + t * date);
    TRY(npy_write(path, of->type, 3, shape, turned));
done:
    free(path);
    free(turned);
    return rc;
}

static int parcels_write(geotiff_samples *s, const char *data)
{
    int rc = OK;
    for (size_t i = 0; i < s->count; i++) {
        TRY(interrupt_check());
        TRY(parcel_write(s, i, data));
        log_progress("DATA", i + 1, s->count, "");
    }
done:
    return rc;
}

/* ---- documents ----------------------------------------------------------------------------------------------------- */

/* FOLDER/NAME; takes the value over. */
static int document_write(const char *folder, const char *name, cJSON *value)
{
    char *path = path_join(folder, name);
    const int rc = !path ? FAILED : !value ? fail(FAILED, "out of memory") : json_write(path, value);
    cJSON_Delete(value);
    free(path);
    return rc;
}

static cJSON *labels_document(const geotiff_samples *s)
{
    const geotiff_parcels *p = s->gathered->parcels;
    cJSON *all = cJSON_CreateObject();
    for (size_t k = 0; k < p->nomenclatures; k++) {
        cJSON *one = cJSON_AddObjectToObject(all, p->label_names[k]);
        for (size_t i = 0; i < s->count; i++) {
            const int32_t label = p->labels[k].values[s->parcel[i]];
            if (label != PACK_NO_LABEL) cJSON_AddNumberToObject(one, s->ids[i], label);
        }
    }
    return all;
}

/* What the numbers of each nomenclature stand for, where they stand for texts; NULL: nowhere. */
static cJSON *classes_document(const geotiff_samples *s)
{
    const geotiff_parcels *p = s->gathered->parcels;
    cJSON *all = NULL;
    for (size_t k = 0; k < p->nomenclatures; k++) {
        if (!p->labels[k].classes) continue;
        if (!all) all = cJSON_CreateObject();
        json_add(all, p->label_names[k], cJSON_Parse(p->labels[k].classes));
    }
    return all;
}

static cJSON *dates_document(const scenes *of)
{
    cJSON *all = cJSON_CreateObject();
    for (int t = 0; t < of->dates; t++) {
        char key[16];
        snprintf(key, sizeof key, "%d", t);
        cJSON_AddNumberToObject(all, key, date_digits(of->days[t]));
    }
    return all;
}

static cJSON *sizes_document(const geotiff_samples *s)
{
    cJSON *all = cJSON_CreateObject();
    for (size_t i = 0; i < s->count; i++) cJSON_AddNumberToObject(all, s->ids[i], s->pixels[i]);
    return all;
}

static cJSON *features_document(const geotiff_samples *s)
{
    cJSON *all = cJSON_CreateObject();
    for (size_t i = 0; i < s->count; i++) {
        float values[GEOMETRIC_FEATURES];
        geotiff_features(s->gathered->parcels, s->parcel[i], s->pixels[i], values);
        json_add(all, s->ids[i], cJSON_CreateFloatArray(values, GEOMETRIC_FEATURES));
    }
    return all;
}

int geotiff_folder_write(geotiff_samples *s, const char *folder)
{
    int rc = OK;
    char *data = NULL, *meta = NULL;
    cJSON *classes;
    TRY_NEW(data = path_join(folder, "DATA"));
    TRY_NEW(meta = path_join(folder, "META"));
    TRY(folder_make(data));
    TRY(folder_make(meta));
    TRY(parcels_write(s, data));
    if (s->gathered->parcels->nomenclatures) TRY(document_write(meta, "labels.json", labels_document(s)));
    classes = classes_document(s);
    if (classes) TRY(document_write(meta, "classes.json", classes));
    TRY(document_write(meta, "dates.json", dates_document(s->gathered->scenes)));
    TRY(document_write(meta, "sizes.json", sizes_document(s)));
    TRY(document_write(meta, "geomfeat.json", features_document(s)));
done:
    free(data);
    free(meta);
    return rc;
}
