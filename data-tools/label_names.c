#include "data-tools/label_names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"

bool label_of_number(double value, int32_t *out)
{
    if (!(value > PACK_NO_LABEL && value <= INT32_MAX) || floor(value) != value) return false;
    *out = (int32_t)value;
    return true;
}

bool label_of_text(const char *text, int32_t *out)
{
    char *end;
    const double value = strtod(text, &end);
    return end != text && !*end && label_of_number(value, out);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The different texts, in order; how many. */
static size_t different(const char *const *texts, size_t count, const char **names)
{
    size_t found = 0, kept = 0;
    for (size_t i = 0; i < count; i++)
        if (texts[i]) names[found++] = texts[i];
    qsort(names, found, sizeof *names, by_bytes);
    for (size_t i = 0; i < found; i++)
        if (!kept || strcmp(names[kept - 1], names[i]) != 0) names[kept++] = names[i];
    return kept;
}

static char *list_text(const char *const *names, size_t count)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++) json_append(list, cJSON_CreateString(names[i]));
    char *text = json_print(list, false);
    cJSON_Delete(list);
    return text;
}

int label_names_number(const char *const *texts, size_t count, const char *what, int32_t *values, char **classes)
{
    int rc = OK;
    const char **names = memory_new(count, sizeof *names);
    if (!names) return FAILED;
    const size_t known = different(texts, count, names);
    for (size_t i = 0; i < count; i++) {
        const char **found = texts[i] ? bsearch(&texts[i], names, known, sizeof *names, by_bytes) : NULL;
        values[i] = found ? (int32_t)(found - names) : PACK_NO_LABEL;
    }
    TRY_NEW(*classes = list_text(names, known));
    log_note("%s: %zu different texts, numbered from 0 in the order of their bytes", what, known);
done:
    free(names);
    return rc;
}
