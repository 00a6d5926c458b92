/* META/NAME.json: {id: number or [numbers], ...}, static features of parcels. A file whose entries for known parcels
 * are not numbers (class names, settings) is left alone. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/pack_moments.h"
#include "data-tools/pack_source.h"

/* TABLE_LARGE: one parcel's entry must not make a table of so many cells for all of them. */
enum { WIDTH_MAX = 1 << 16, TABLE_LARGE = 1 << 24 };

/* The length of one parcel's entry: a number counts as a list of one; 0 when it is no feature. */
static size_t width_of(const cJSON *item)
{
    size_t width = 0;
    const cJSON *value;
    if (cJSON_IsNumber(item)) return 1;
    if (!cJSON_IsArray(item)) return 0;
    cJSON_ArrayForEach(value, item) {
        if (!cJSON_IsNumber(value)) return 0;
        width++;
    }
    return width;
}

/* The first known parcel's entry tells whether the file holds features, and how many. */
static size_t document_width(const pack_source *s, const cJSON *document)
{
    const cJSON *item;
    if (!cJSON_IsObject(document)) return 0;
    cJSON_ArrayForEach(item, document)
        if (pack_source_find(s, item->string) < s->count && !cJSON_IsNull(item)) return width_of(item);
    return 0;
}

static void values_read(pack_source *s, const cJSON *document, const char *name, size_t width, float *values)
{
    const cJSON *item;
    for (size_t i = 0; i < s->count * width; i++) values[i] = NAN;
    cJSON_ArrayForEach(item, document) {
        size_t i = pack_source_find(s, item->string), j = 0;
        if (i == s->count || cJSON_IsNull(item)) continue;
        if (width_of(item) != width) {
            pack_problem(s, "META/%s: parcel %s: wanted %zu numbers, as the first parcel has", name, item->string,
                         width);
            continue;
        }
        const cJSON *value = cJSON_IsArray(item) ? item->child : item;
        for (; j < width; j++, value = value->next) {
            if (fabs(value->valuedouble) > FLT_MAX)
                pack_problem(s, "META/%s: parcel %s: %g is too large for a 32-bit real", name, item->string,
                             value->valuedouble);
            else
                values[i * width + j] = (float)value->valuedouble;
        }
    }
}

static void missing_warn(const pack_source *s, const char *name, size_t width, const float *values)
{
    name_list without = {0};
    for (size_t i = 0; i < s->count; i++)
        if (isnan(values[i * width])) name_list_add(&without, s->ids[i]);
    if (without.count)
        log_warning("META/%s: %lld parcels have no features: %s", name, without.count, name_list_text(&without));
}

static int feature_add(pack_source *s, const cJSON *document, const char *file, size_t width)
{
    int rc = OK;
    char *name = NULL;
    float *values = NULL;
    double *mean = NULL, *std = NULL;
    size_t cells, capacity = s->feature_count;
    void *grown = s->features;
    TRY(memory_grow(&grown, &capacity, capacity + 1, sizeof *s->features));
    s->features = grown;
    if (width > WIDTH_MAX || !size_multiply(s->count, width, &cells)) {
        pack_problem(s, "META/%s: %zu features, wanted at most %d", file, width, WIDTH_MAX);
        return OK;
    }
    if (cells > TABLE_LARGE && (size_t)cJSON_GetArraySize(document) < s->count / 64) {
        pack_problem(s, "META/%s: %zu features, but only of few parcels", file, width);
        return OK;
    }
    TRY_NEW(name = text_format("%.*s", (int)(strlen(file) - 5), file));
    TRY_NEW(values = memory_new(cells, sizeof *values));
    TRY_NEW(mean = memory_new(width, sizeof *mean));
    TRY_NEW(std = memory_new(width, sizeof *std));
    values_read(s, document, file, width, values);
    moments_of_columns(values, s->count, width, mean, std);
    missing_warn(s, file, width, values);
    s->features[s->feature_count++] = (pack_feature){name, (int)width, values, mean, std};
    return OK;
done:
    free(name);
    free(values);
    free(mean);
    free(std);
    return rc;
}

static int file_read_features(pack_source *s, const char *file)
{
    cJSON *document;
    int rc = pack_document(s, file, &document);
    if (rc || !document) return rc;
    size_t width = document_width(s, document);
    if (width)
        rc = feature_add(s, document, file, width);
    else
        log_note("META/%s holds no features of the parcels: left alone", file);
    cJSON_Delete(document);
    return rc;
}

static bool may_hold_features(const pack_source *s, const char *file)
{
    if (!strcmp(file, "labels.json") || !strcmp(file, "dates.json") || file[0] == '.') return false;
    return !s->classes_named || strcmp(file, "classes.json") != 0;
}

int pack_features_read(pack_source *s)
{
    char **files;
    size_t count;
    int rc = OK;
    if (!file_exists(s->meta)) return OK;
    TRY(folder_list(s->meta, ".json", &files, &count));
    for (size_t i = 0; i < count && !rc; i++)
        if (may_hold_features(s, files[i])) rc = file_read_features(s, files[i]);
    folder_free(files, count);
done:
    return rc;
}
