/* Labels of parcels, from text to numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/geotiff_parcels.h"
#include "data/problems.h"

static bool whole_number(const char *text, int32_t *out)
{
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end || !(value > INT32_MIN && value <= INT32_MAX) || floor(value) != value) return false;
    *out = (int32_t)value;
    return true;
}

static bool numbers_take(const geotiff_parcels *p, size_t k, int32_t *values)
{
    for (size_t i = 0; i < p->count; i++) {
        const char *text = p->parcel[i].labels[k];
        values[i] = PACK_NO_LABEL;
        if (text && !whole_number(text, &values[i])) return false;
    }
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The different texts, in order. */
static size_t classes_list(const geotiff_parcels *p, size_t k, const char **names)
{
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < p->count; i++)
        if (p->parcel[i].labels[k]) names[count++] = p->parcel[i].labels[k];
    qsort(names, count, sizeof *names, by_bytes);
    for (size_t i = 0; i < count; i++)
        if (!kept || strcmp(names[kept - 1], names[i]) != 0) names[kept++] = names[i];
    return kept;
}

static char *classes_text(const char *const *names, size_t count)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++) json_append(list, cJSON_CreateString(names[i]));
    char *text = json_print(list, false);
    cJSON_Delete(list);
    return text;
}

static int names_take(geotiff_parcels *p, size_t k, int32_t *values)
{
    int rc = OK;
    const char **names = memory_new(p->count, sizeof *names);
    if (!names) return FAILED;
    const size_t count = classes_list(p, k, names);
    for (size_t i = 0; i < p->count; i++) {
        const char *text = p->parcel[i].labels[k];
        if (!text) continue;
        const char **found = bsearch(&text, names, count, sizeof *names, by_bytes);
        values[i] = (int32_t)(found - names);
    }
    TRY_NEW(p->labels[k].classes = classes_text(names, count));
    log_note("%s: %zu different texts, numbered from 0 in the order of their bytes", p->label_names[k], count);
done:
    free(names);
    return rc;
}

static void missing_warn(const geotiff_parcels *p, size_t k, const int32_t *values)
{
    name_list without = {0};
    for (size_t i = 0; i < p->count; i++)
        if (values[i] == PACK_NO_LABEL) name_list_add(&without, p->parcel[i].id);
    if (without.count)
        log_warning("%s: %lld parcels have no label: %s", p->label_names[k], without.count, name_list_text(&without));
}

int geotiff_labels(geotiff_parcels *p)
{
    int rc = OK;
    for (size_t k = 0; k < p->nomenclatures; k++) {
        int32_t *values = memory_new(p->count, sizeof *values);
        if (!values) return FAILED;
        p->labels[k] = (pack_labels){.name = p->label_names[k], .values = values};
        const bool numbers = numbers_take(p, k, values);
        for (size_t i = 0; i < p->count && !numbers; i++) values[i] = PACK_NO_LABEL;
        if (!numbers) TRY(names_take(p, k, values));
        missing_warn(p, k, values);
    }
done:
    return rc;
}
