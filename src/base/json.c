/* JSON documents, parsed with cJSON and strictly: depth capped, duplicate keys refused, errors with line and column. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"

enum { DEPTH_MAX = 64 };

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static _Thread_local bool part_lost;

static void *memory_for_json(size_t size)
{
    void *memory = malloc(size);
    if (!memory) part_lost = true;
    return memory;
}

__attribute__((constructor)) static void hooks_install(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){memory_for_json, free});
}

int json_lost(void)
{
    bool lost = part_lost;
    part_lost = false;
    return lost ? fail(FAILED, "out of memory for a part of a JSON document") : OK;
}

void json_add(cJSON *object, const char *key, cJSON *item)
{
    if (!key) part_lost = true;
    if (!key || !cJSON_AddItemToObject(object, key, item)) cJSON_Delete(item);
}

void json_append(cJSON *array, cJSON *item)
{
    if (!cJSON_AddItemToArray(array, item)) cJSON_Delete(item);
}

char *json_print(const cJSON *value, bool indented)
{
    char *text = indented ? cJSON_Print(value) : cJSON_PrintUnformatted(value);
    if (!json_lost() && text) return text;
    if (!text) fail(FAILED, "out of memory for a JSON document");
    free(text);
    return NULL;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void position(const char *text, const char *at, int *line, int *column)
{
    *line = *column = 1;
    for (; text < at; text++) {
        (*column)++;
        if (*text != '\n') continue;
        (*line)++;
        *column = 1;
    }
}

static int refuse_at(const char *text, size_t at, const char *where, const char *what)
{
    int line, column;
    position(text, text + at, &line, &column);
    return fail(FAILED, "%s: line %d, column %d: %s", where, line, column, what);
}

/* What cJSON would not see. It recurses: brackets outside strings are counted before. A 0 byte it takes for the end, and
 * an escaped one ends the string that C makes of it: two keys that differ would be one. */
static int text_check(const char *text, size_t length, const char *where)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (!c || (quoted && c == '\\' && !strncmp(text + i + 1, "u0000", 5)))
            return refuse_at(text, i, where, "a character 0, which no text holds");
        if (c == '"') quoted = !quoted;
        if (quoted && c == '\\') i++;
        if (!quoted) depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (depth > DEPTH_MAX) return refuse_at(text, i, where, "nested deeper than 64");
    }
    return OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In one object: sorted, so that an object of 200,000 keys takes no time. */
static int object_keys_check(const cJSON *object, const char *where)
{
    int rc = OK;
    size_t count = 0;
    const cJSON *item;
    const char **keys = NULL;
    cJSON_ArrayForEach(item, object) count++;
    if (count < 2) return OK;
    TRY_NEW(keys = memory_new(count, sizeof *keys));
    count = 0;
    cJSON_ArrayForEach(item, object) keys[count++] = item->string;
    qsort(keys, count, sizeof *keys, by_text);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(keys[i - 1], keys[i])) {
            rc = fail(FAILED, "%s: the key \"%.100s\" stands twice in one object", where, keys[i]);
            goto done;
        }
done:
    free(keys);
    return rc;
}

/* Depth is capped, so recursion is too. */
static int duplicates_check(const cJSON *value, const char *where)
{
    int rc = OK;
    const cJSON *item;
    if (cJSON_IsObject(value)) TRY(object_keys_check(value, where));
    cJSON_ArrayForEach(item, value)
        if (cJSON_IsObject(item) || cJSON_IsArray(item)) TRY(duplicates_check(item, where));
done:
    return rc;
}

int json_parse(const char *text, size_t length, const char *where, cJSON **out)
{
    int rc = OK;
    const char *end = NULL;
    cJSON *value = NULL;
    TRY(text_check(text, length, where));
    value = cJSON_ParseWithLengthOpts(text, length + 1, &end, true);
    if (!value) {
        rc = json_lost() ? FAILED : refuse_at(text, end ? (size_t)(end - text) : 0, where, "not valid JSON");
        goto done;
    }
    TRY(duplicates_check(value, where));
    *out = value;
    value = NULL;
done:
    cJSON_Delete(value);
    return rc;
}

int json_read(const char *path, size_t limit, cJSON **out)
{
    int rc = OK;
    char *text = NULL;
    size_t length;
    TRY(file_read(path, limit, &text, &length));
    TRY(json_parse(text, length, path, out));
done:
    free(text);
    return rc;
}

int json_write(const char *path, const cJSON *value)
{
    int rc = OK;
    char *line = NULL, *text = json_print(value, true);
    if (!text) return fail_within(FAILED, "%s", path);
    TRY_NEW(line = text_format("%s\n", text));
    TRY(file_write(path, line, strlen(line)));
done:
    free(text);
    free(line);
    return rc;
}

/* ---- --set a.b=c ------------------------------------------------------------------------------------------------- */

/* The object at `key` in `parent`, made when absent. */
static cJSON *object_enter(cJSON *parent, const char *key)
{
    cJSON *child = cJSON_GetObjectItemCaseSensitive(parent, key);
    if (child && cJSON_IsObject(child)) return child;
    if (child) cJSON_DeleteItemFromObjectCaseSensitive(parent, key);
    return cJSON_AddObjectToObject(parent, key);
}

int json_set(cJSON *root, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return fail(USAGE, "--set %s: wanted key=value, e.g. train.epochs=10", assignment);
    char *path = text_format("%.*s", (int)(equals - assignment), assignment), *key = path;
    if (!path) return FAILED;
    for (char *dot; root && (dot = strchr(key, '.')); key = dot + 1) {
        *dot = 0;
        root = object_enter(root, key);
    }
    cJSON *value = cJSON_ParseWithOpts(equals + 1, NULL, true);
    if (!value) value = cJSON_CreateString(equals + 1);
    if (root && value) {
        cJSON_DeleteItemFromObjectCaseSensitive(root, key);
        if (cJSON_AddItemToObject(root, key, value)) value = NULL;
    }
    int rc = value ? fail(FAILED, "--set %s: out of memory", assignment) : OK;
    cJSON_Delete(value);
    free(path);
    return rc;
}
