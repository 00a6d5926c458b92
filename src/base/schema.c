#include "base/schema.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* ---- near words ------------------------------------------------------------------------------------------------- */

enum { WORD_MAX = 64 };

/* Levenshtein's distance. */
static int edit_distance(const char *a, const char *b)
{
    int row[WORD_MAX + 1], columns = (int)strlen(b);
    if (strlen(a) > WORD_MAX || columns > WORD_MAX) return INT_MAX;
    for (int j = 0; j <= columns; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= columns; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[columns];
}

const char *nearest_word(const char *word, const char *const *candidates)
{
    const char *nearest = NULL;
    int best = (int)strlen(word) / 3 + 2; /* farther is not near */
    for (; *candidates; candidates++) {
        int distance = edit_distance(word, *candidates);
        if (distance >= best) continue;
        best = distance;
        nearest = *candidates;
    }
    return nearest;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void *slot(const field *f, void *target)
{
    return (char *)target + f->offset;
}

static int wrong(const field *f, const cJSON *value, const char *where, const char *wanted)
{
    char *text = value ? cJSON_PrintUnformatted(value) : NULL;
    int rc = fail(USAGE, "%s.%s is %.80s, wanted %s", where, f->key, text ? text : "missing", wanted);
    free(text);
    return rc;
}

static bool in_range(const field *f, double value)
{
    return isfinite(value) && ((f->low == 0 && f->high == 0) || (value >= f->low && value <= f->high));
}

static int wrong_number(const field *f, const cJSON *value, const char *where, const char *kind)
{
    char wanted[128];
    if (f->low == 0 && f->high == 0)
        snprintf(wanted, sizeof wanted, "%s", kind);
    else
        snprintf(wanted, sizeof wanted, "%s from %.10g to %.10g", kind, f->low, f->high);
    return wrong(f, value, where, wanted);
}

static bool is_whole(const field *f, const cJSON *value)
{
    if (!cJSON_IsNumber(value)) return false;
    double number = value->valuedouble;
    return in_range(f, number) && number == floor(number) && number >= INT_MIN && number <= INT_MAX;
}

static int read_bool(const field *f, const cJSON *value, const char *where, bool *out)
{
    bool number = cJSON_IsNumber(value) && (value->valuedouble == 0 || value->valuedouble == 1);
    if (!number && !cJSON_IsBool(value)) return wrong(f, value, where, "true or false");
    *out = number ? value->valuedouble != 0 : cJSON_IsTrue(value);
    return OK;
}

static bool is_choice(const char *choices, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strcspn(at, "|") == length && !strncmp(at, word, length)) return true;
    }
    return false;
}

static int read_text(const field *f, const cJSON *value, const char *where, char **out)
{
    bool choice = f->type == FIELD_CHOICE, word = f->type == FIELD_WORD;
    char wanted[256];
    snprintf(wanted, sizeof wanted, "%s%s",
             choice ? "one of "
             : word ? "a text or a whole number"
                    : "a text",
             choice ? f->choices : "");
    *out = NULL;
    if (cJSON_IsNull(value) && !choice) return OK;
    if (word && is_whole(f, value)) {
        *out = text_format("%d", (int)value->valuedouble);
        return *out ? OK : FAILED;
    }
    if (!cJSON_IsString(value) || (choice && !is_choice(f->choices, value->valuestring)))
        return wrong(f, value, where, wanted);
    *out = text_copy(value->valuestring);
    return *out ? OK : FAILED;
}

static int read_list(const field *f, const cJSON *value, const char *where, int_list *out)
{
    int rc = OK;
    cJSON *parsed = cJSON_IsString(value) ? cJSON_Parse(value->valuestring) : NULL;
    const cJSON *list = parsed ? parsed : value, *item;
    *out = (int_list){.count = cJSON_IsNull(value) ? -1 : 0};
    if (cJSON_IsNull(value)) goto done;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > INT_LIST_MAX) {
        rc = wrong(f, value, where, "a list of at most 64 whole numbers");
        goto done;
    }
    cJSON_ArrayForEach(item, list) {
        if (!is_whole(f, item)) {
            rc = wrong_number(f, value, where, "a list of whole numbers");
            goto done;
        }
        out->value[out->count++] = (int)item->valuedouble;
    }
done:
    cJSON_Delete(parsed);
    return rc;
}

static int read_real_list(const field *f, const cJSON *value, const char *where, real_list *out)
{
    const cJSON *item;
    char wanted[128];
    snprintf(wanted, sizeof wanted, "\"%s\", null or a list of at most %d numbers", f->choices, REAL_LIST_MAX);
    *out = (real_list){.count = -1};
    if (cJSON_IsNull(value)) return OK;
    out->word = cJSON_IsString(value) && strcmp(value->valuestring, f->choices) == 0;
    if (out->word) return OK;
    if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) > REAL_LIST_MAX) return wrong(f, value, where, wanted);
    out->count = 0;
    cJSON_ArrayForEach(item, value) {
        if (!cJSON_IsNumber(item) || !in_range(f, item->valuedouble))
            return wrong_number(f, value, where, "a list of numbers");
        out->value[out->count++] = item->valuedouble;
    }
    return OK;
}

static int read_field(const field *f, const cJSON *value, const char *where, void *target)
{
    void *out = slot(f, target);
    switch (f->type) {
    case FIELD_INT:
        if (!is_whole(f, value)) return wrong_number(f, value, where, "a whole number");
        *(int *)out = (int)value->valuedouble;
        return OK;
    case FIELD_OPTIONAL_INT:
        if (!cJSON_IsNull(value) && !is_whole(f, value)) return wrong_number(f, value, where, "null or a whole number");
        *(optional_int *)out = (optional_int){!cJSON_IsNull(value), cJSON_IsNull(value) ? 0 : (int)value->valuedouble};
        return OK;
    case FIELD_REAL:
        if (!cJSON_IsNumber(value) || !in_range(f, value->valuedouble))
            return wrong_number(f, value, where, "a number");
        *(double *)out = value->valuedouble;
        return OK;
    case FIELD_BOOL: return read_bool(f, value, where, out);
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_CHOICE: return read_text(f, value, where, out);
    case FIELD_INT_LIST: return read_list(f, value, where, out);
    case FIELD_REAL_LIST: return read_real_list(f, value, where, out);
    }
    panic("field %s has no type", f->key);
}

/* Every key of the object must be in the table. */
static int keys_known(const field *fields, const cJSON *object, const char *where)
{
    const char *names[256] = {0};
    int count = 0;
    for (const field *f = fields; f->key && count < 255; f++) names[count++] = f->key;
    const cJSON *item;
    cJSON_ArrayForEach(item, object) {
        const field *f = fields;
        while (f->key && strcmp(f->key, item->string)) f++;
        if (f->key) continue;
        const char *near = nearest_word(item->string, names);
        return fail(USAGE, "%s.%.80s is no known key%s%s%s", where, item->string, near ? " (did you mean " : "",
                    near ? near : "", near ? "?)" : "");
    }
    return OK;
}

static int read_default(const field *f, const char *where, void *target)
{
    if (!f->fallback) return wrong(f, NULL, where, f->help ? f->help : "a value");
    cJSON *value = cJSON_Parse(f->fallback);
    if (!value && json_lost()) return FAILED;
    if (!value) panic("field %s: its default is no JSON", f->key);
    int rc = read_field(f, value, where, target);
    cJSON_Delete(value);
    return rc;
}

int schema_read(const field *fields, const cJSON *object, const char *where, void *target)
{
    int rc = OK;
    if (object && !cJSON_IsObject(object)) return fail(USAGE, "%s is no object, wanted {...}", where);
    if (object) TRY(keys_known(fields, object, where));
    for (const field *f = fields; f->key; f++) {
        const cJSON *value = object ? cJSON_GetObjectItemCaseSensitive(object, f->key) : NULL;
        TRY(value ? read_field(f, value, where, target) : read_default(f, where, target));
    }
done:
    return rc;
}

void schema_free(const field *fields, void *target)
{
    for (const field *f = fields; f->key; f++) {
        if (f->type != FIELD_TEXT && f->type != FIELD_WORD && f->type != FIELD_CHOICE) continue;
        char **text = slot(f, target);
        free(*text);
        *text = NULL;
    }
}

/* ---- writing and help ------------------------------------------------------------------------------------------- */

static cJSON *field_value(const field *f, const void *source)
{
    const void *at = (const char *)source + f->offset;
    switch (f->type) {
    case FIELD_INT: return cJSON_CreateNumber(*(const int *)at);
    case FIELD_REAL: return cJSON_CreateNumber(*(const double *)at);
    case FIELD_BOOL: return cJSON_CreateBool(*(const bool *)at);
    case FIELD_OPTIONAL_INT: {
        const optional_int *value = at;
        return value->present ? cJSON_CreateNumber(value->value) : cJSON_CreateNull();
    }
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_CHOICE: {
        const char *text = *(char *const *)at;
        return text ? cJSON_CreateString(text) : cJSON_CreateNull();
    }
    case FIELD_INT_LIST: {
        const int_list *list = at;
        return list->count < 0 ? cJSON_CreateNull() : cJSON_CreateIntArray(list->value, list->count);
    }
    case FIELD_REAL_LIST: {
        const real_list *list = at;
        if (list->word) return cJSON_CreateString(f->choices);
        return list->count < 0 ? cJSON_CreateNull() : cJSON_CreateDoubleArray(list->value, list->count);
    }
    }
    return NULL;
}

int schema_write(const field *fields, const void *source, cJSON *object)
{
    for (const field *f = fields; f->key; f++) {
        cJSON *value = field_value(f, source);
        if (value && cJSON_AddItemToObject(object, f->key, value)) continue;
        cJSON_Delete(value);
        return fail(FAILED, "out of memory");
    }
    return OK;
}

char *schema_help(const field *fields, const char *title)
{
    char *text = text_format("%s\n", title);
    for (const field *f = fields; f->key && text; f++) {
        char *longer = text_format("%s  %-20s %s%s%s (%s%s)\n", text, f->key, f->help ? f->help : "",
                                   f->choices ? ": " : "", f->choices ? f->choices : "", f->fallback ? "default " : "",
                                   f->fallback ? f->fallback : "must be given");
        free(text);
        text = longer;
    }
    return text;
}
