/* META/labels.json: {nomenclature: {id: label, ...}, ...}. The document is walked once, entry by entry, and each id is
 * looked up among the parcels: cJSON's own look-up is linear, and there are 190,000 of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/pack_source.h"

/* An integer, as a number or as text. */
static bool label_of(const cJSON *item, int32_t *out)
{
    double value;
    if (cJSON_IsNumber(item)) {
        value = item->valuedouble;
    } else if (cJSON_IsString(item) && item->valuestring[0]) {
        char *end;
        value = strtod(item->valuestring, &end);
        if (*end) return false;
    } else {
        return false;
    }
    if (!(value > INT32_MIN && value <= INT32_MAX) || floor(value) != value) return false;
    *out = (int32_t)value;
    return true;
}

static void label_refuse(pack_source *s, const char *nomenclature, const cJSON *item)
{
    char *text = cJSON_PrintUnformatted(item);
    pack_problem(s, "META/labels.json: %s: the label of parcel %s is %.60s, wanted an integer: its class's number",
                 nomenclature, item->string, text ? text : "no number");
    cJSON_free(text);
}

static void nomenclature_read(pack_source *s, const cJSON *object, int32_t *values)
{
    name_list without = {0};
    size_t strangers = 0;
    const cJSON *item;
    for (size_t i = 0; i < s->count; i++) values[i] = PACK_NO_LABEL;
    cJSON_ArrayForEach(item, object) {
        size_t i = pack_source_find(s, item->string);
        if (i == s->count)
            strangers++;
        else if (!cJSON_IsNull(item) && !label_of(item, &values[i]))
            label_refuse(s, object->string, item);
    }
    for (size_t i = 0; i < s->count; i++)
        if (values[i] == PACK_NO_LABEL) name_list_add(&without, s->ids[i]);
    if (strangers)
        log_note("META/labels.json: %s: %zu labels are of parcels that DATA does not hold", object->string, strangers);
    if (without.count)
        log_warning("META/labels.json: %s: %lld parcels have no label: %s", object->string, without.count,
                    name_list_text(&without));
}

static int nomenclature_add(pack_source *s, const cJSON *object)
{
    int rc = OK;
    size_t capacity = s->nomenclatures;
    void *grown = s->labels;
    char *name = NULL;
    int32_t *values = NULL;
    TRY(memory_grow(&grown, &capacity, capacity + 1, sizeof *s->labels));
    s->labels = grown;
    TRY_NEW(name = text_copy(object->string));
    TRY_NEW(values = memory_new(s->count, sizeof *values));
    nomenclature_read(s, object, values);
    s->labels[s->nomenclatures++] = (pack_labels){.name = name, .values = values};
    name = NULL;
    values = NULL;
done:
    free(name);
    free(values);
    return rc;
}

int pack_labels_read(pack_source *s)
{
    cJSON *document;
    const cJSON *item;
    int before = s->found.count, rc = pack_document(s, "labels.json", &document);
    if (rc) return rc;
    if (!document) {
        if (s->found.count == before) log_note("no META/labels.json: the pack can be predicted on, not trained on");
        return OK;
    }
    if (!cJSON_IsObject(document)) pack_problem(s, "META/labels.json: wanted {nomenclature: {id: label}}");
    cJSON_ArrayForEach(item, document) {
        if (cJSON_IsObject(item)) {
            TRY(nomenclature_add(s, item));
        } else if (cJSON_IsObject(document)) {
            pack_problem(s, "META/labels.json: \"%.80s\" is no nomenclature, wanted {nomenclature: {id: label}}",
                         item->string);
            break;
        }
    }
done:
    cJSON_Delete(document);
    return rc;
}
