#include "cli/document.h"

#include <math.h>

/* ---- making ------------------------------------------------------------------------------------------------------- */

static cJSON *value_of(const entry *e)
{
    switch (e->type) {
    case ENTRY_TEXT: return cJSON_CreateString(e->text);
    case ENTRY_NUMBER: return cJSON_CreateNumber(e->number);
    case ENTRY_TRUTH: return cJSON_CreateBool(e->number != 0);
    case ENTRY_VALUE: return e->value;
    }
    return NULL;
}

/* Takes every value over, also when it fails. */
static bool put_all(cJSON *object, const entry *entries)
{
    bool whole = object != NULL;
    for (const entry *e = entries; e->key; e++) {
        cJSON *value = value_of(e);
        if (cJSON_AddItemToObject(object, e->key, value)) continue;
        cJSON_Delete(value);
        whole = false;
    }
    return whole;
}

static cJSON *with_entries(cJSON *object, const entry *entries)
{
    if (put_all(object, entries)) return object;
    cJSON_Delete(object);
    return NULL;
}

static char *printed(cJSON *object)
{
    char *text = object ? cJSON_Print(object) : NULL;
    cJSON_Delete(object);
    return text;
}

cJSON *document_object(const entry *entries)
{
    return with_entries(cJSON_CreateObject(), entries);
}

cJSON *document_numbers(const size_t *values, int count)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < count; i++) {
        cJSON *number = cJSON_CreateNumber((double)values[i]);
        if (cJSON_AddItemToArray(list, number)) continue;
        cJSON_Delete(number);
        cJSON_Delete(list);
        return NULL;
    }
    return list;
}

char *document_text(const entry *entries)
{
    return printed(document_object(entries));
}

char *document_extended(const char *text, const entry *more)
{
    return printed(with_entries(cJSON_Parse(text), more));
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = member(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = member(object, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}
