/* META/labels.json: {nomenclature: {id: label, ...}, ...}, a label an integer or a class's name. The document is walked once,
 * entry by entry, and each id is looked up among the parcels: cJSON's own look-up is linear, and there are 190,000 of
 * them. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/label_names.h"
#include "data-tools/pack_source.h"

/* An integer, as a number or as text. */
static bool label_of(const cJSON *item, int32_t *out)
{
    if (cJSON_IsNumber(item)) return label_of_number(item->valuedouble, out);
    return cJSON_IsString(item) && label_of_text(item->valuestring, out);
}

/* A text that is no number, be it one that no label can be ("nan", "1.5"). */
static bool is_name(const cJSON *item)
{
    char *end;
    if (!cJSON_IsString(item) || !item->valuestring[0]) return false;
    strtod(item->valuestring, &end);
    return *end;
}

/* The first label of a nomenclature that is a name; NULL: its labels are numbers. */
static const cJSON *first_name(const cJSON *object)
{
    const cJSON *item = object->child;
    while (item && !is_name(item)) item = item->next;
    return item;
}

static void label_refuse(pack_source *s, const char *nomenclature, const cJSON *item, const cJSON *name)
{
    char *text = cJSON_PrintUnformatted(item);
    const char *shown = text ? text : "another";
    if (name)
        pack_problem(s, "META/labels.json: %s: the label of parcel %s is %.60s, wanted a text, as that of parcel %s is",
                     nomenclature, item->string, shown, name->string);
    else
        pack_problem(s, "META/labels.json: %s: the label of parcel %s is %.60s, wanted an integer or a class's name",
                     nomenclature, item->string, shown);
    cJSON_free(text);
}

/* One entry, of parcel i: into values, or as a text into names where there are such. */
static void label_take(pack_source *s, const cJSON *object, const cJSON *item, const cJSON *name, size_t i,
                       int32_t *values, const char **names)
{
    if (cJSON_IsNull(item)) return;
    if (name && cJSON_IsString(item) && item->valuestring[0])
        names[i] = item->valuestring;
    else if (name || !label_of(item, &values[i]))
        label_refuse(s, object->string, item, name);
}

static void without_warn(const pack_source *s, const char *nomenclature, const int32_t *values, size_t strangers)
{
    name_list without = {0};
    for (size_t i = 0; i < s->count; i++)
        if (values[i] == PACK_NO_LABEL) name_list_add(&without, s->ids[i]);
    if (strangers)
        log_note("META/labels.json: %s: %zu labels are of parcels that DATA does not hold", nomenclature, strangers);
    if (without.count)
        log_warning("META/labels.json: %s: %lld parcels have no label: %s", nomenclature, without.count,
                    name_list_text(&without));
}

/* Labels are integers; or, where one is a name, texts, and *classes what their numbers stand for. */
static int nomenclature_read(pack_source *s, const cJSON *object, int32_t *values, char **classes)
{
    int rc = OK;
    size_t strangers = 0;
    const cJSON *item, *name = first_name(object);
    const char **names = memory_new(s->count, sizeof *names);
    if (!names) return FAILED;
    for (size_t i = 0; i < s->count; i++) values[i] = PACK_NO_LABEL;
    cJSON_ArrayForEach(item, object) {
        size_t i = pack_source_find(s, item->string);
        if (i == s->count)
            strangers++;
        else
            label_take(s, object, item, name, i, values, names);
    }
    if (name) TRY(label_names_number(names, s->count, object->string, values, classes));
    without_warn(s, object->string, values, strangers);
done:
    free(names);
    return rc;
}

static int nomenclature_add(pack_source *s, const cJSON *object)
{
    int rc = OK;
    size_t capacity = s->nomenclatures;
    void *grown = s->labels;
    char *name = NULL, *classes = NULL;
    int32_t *values = NULL;
    TRY(memory_grow(&grown, &capacity, capacity + 1, sizeof *s->labels));
    s->labels = grown;
    TRY_NEW(name = text_copy(object->string));
    TRY_NEW(values = memory_new(s->count, sizeof *values));
    TRY(nomenclature_read(s, object, values, &classes));
    s->labels[s->nomenclatures++] = (pack_labels){name, values, classes};
    name = classes = NULL;
    values = NULL;
done:
    free(name);
    free(classes);
    free(values);
    return rc;
}

/* ---- META/classes.json: {nomenclature: [text, ...], ...}, what its labels 0, 1, ... stand for ------------------------- */

/* How many texts; -1: it is no list of texts. */
static int texts_count(const cJSON *list)
{
    const cJSON *text;
    int count = 0;
    if (!cJSON_IsArray(list)) return -1;
    cJSON_ArrayForEach(text, list) {
        if (!cJSON_IsString(text)) return -1;
        count++;
    }
    return count;
}

/* Whether every label has a text. */
static bool texts_suffice(pack_source *s, const pack_labels *labels, int count)
{
    for (size_t i = 0; i < s->count; i++) {
        const int32_t label = labels->values[i];
        if (label == PACK_NO_LABEL || (label >= 0 && label < count)) continue;
        pack_problem(s, "META/classes.json: %s: holds %d texts, wanted one for label %d of parcel %s, counted from 0",
                     labels->name, count, (int)label, s->ids[i]);
        return false;
    }
    return true;
}

static int classes_take(pack_source *s, pack_labels *labels, const cJSON *list)
{
    const int count = texts_count(list);
    if (count < 0) {
        pack_problem(s, "META/classes.json: %s: wanted a list of texts, what labels 0, 1, ... stand for", labels->name);
        return OK;
    }
    s->classes_named = true;
    if (!texts_suffice(s, labels, count)) return OK;
    labels->classes = json_print(list, false);
    return labels->classes ? OK : FAILED;
}

static int classes_read(pack_source *s)
{
    cJSON *document;
    const int before = s->found.count;
    int rc = pack_document(s, "classes.json", &document);
    s->classes_named = s->found.count > before; /* broken, and said so: nobody need look at it again */
    for (size_t k = 0; k < s->nomenclatures && !rc; k++) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(document, s->labels[k].name);
        if (list && !s->labels[k].classes) rc = classes_take(s, &s->labels[k], list);
    }
    cJSON_Delete(document);
    return rc;
}

/* ---- both ---------------------------------------------------------------------------------------------------------- */

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
    if (!cJSON_IsObject(document)) {
        pack_problem(s, "META/labels.json: wanted {nomenclature: {id: label}}");
        goto done;
    }
    cJSON_ArrayForEach(item, document) {
        if (cJSON_IsObject(item)) {
            TRY(nomenclature_add(s, item));
            continue;
        }
        pack_problem(s, "META/labels.json: \"%.80s\" is no nomenclature, wanted {nomenclature: {id: label}}",
                     item->string);
        break;
    }
    TRY(classes_read(s));
done:
    cJSON_Delete(document);
    return rc;
}
