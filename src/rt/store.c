/* Small facts on disk, as JSON: {"device": ..., "driver": ..., "entries": {key: text}}, one file for each kind of
 * fact, device, driver and kernel text. The file is a cache: whatever is wrong with it, it counts as empty. */
#include "rt/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"

enum { FILE_LIMIT = 16 << 20 };

struct store {
    char *path; /* NULL: there is no cache folder; facts last as long as the process */
    cJSON *entries;
    bool changed, cleared;
};

static cJSON *read_entries(const char *path)
{
    char *text = NULL;
    size_t length = 0;
    cJSON *file = NULL, *entries = NULL;
    if (path && file_exists(path) && !file_read(path, FILE_LIMIT, &text, &length))
        file = cJSON_ParseWithLength(text, length);
    if (cJSON_IsObject(file)) entries = cJSON_DetachItemFromObjectCaseSensitive(file, "entries");
    cJSON_Delete(file);
    free(text);
    if (cJSON_IsObject(entries)) return entries;
    cJSON_Delete(entries);
    return NULL;
}

int store_open(device *d, const char *kind, struct store **out)
{
    int rc = OK;
    char *folder = NULL, *name = NULL;
    struct store *s = memory_new(1, sizeof *s);
    TRY_NEW(s);
    TRY_NEW(name = text_format("%s-%016" PRIx64 ".json", kind, d->text_hash));
    folder = cache_folder();
    if (!folder)
        cache_warn(d);
    else
        TRY_NEW(s->path = path_join(folder, name));
    s->entries = read_entries(s->path);
    if (!s->entries) s->entries = cJSON_CreateObject();
    if (!s->entries) {
        rc = fail(FAILED, "out of memory for the cache %s", name);
        goto done;
    }
    *out = s;
    s = NULL;
done:
    store_free(s);
    free(name);
    free(folder);
    return rc;
}

const char *store_get(const struct store *s, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(s->entries, key));
}

int store_set(struct store *s, const char *key, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(s->entries, key);
    s->changed = true;
    if (cJSON_AddStringToObject(s->entries, key, value)) return OK;
    return fail(FAILED, "out of memory for the cache entry %s", key);
}

const cJSON *store_entries(const struct store *s)
{
    return s->entries;
}

void store_clear(struct store *s)
{
    while (s->entries->child) cJSON_Delete(cJSON_DetachItemViaPointer(s->entries, s->entries->child));
    s->changed = s->cleared = true;
}

/* What another process has added since we read the file. */
static void merge(struct store *s)
{
    cJSON *others = read_entries(s->path), *item = NULL, *next = NULL;
    for (item = others ? others->child : NULL; item; item = next) {
        next = item->next;
        if (cJSON_IsString(item) && !cJSON_GetObjectItemCaseSensitive(s->entries, item->string))
            json_add(s->entries, item->string, cJSON_DetachItemViaPointer(others, item));
    }
    cJSON_Delete(others);
}

void store_save(device *d, struct store *s)
{
    if (!s || !s->changed || !s->path) return;
    if (!s->cleared) merge(s);
    cJSON *file = cJSON_CreateObject();
    cJSON_AddStringToObject(file, "device", d->about.name);
    cJSON_AddStringToObject(file, "driver", d->about.driver);
    cJSON_AddItemReferenceToObject(file, "entries", s->entries);
    char *text = json_print(file, true);
    if (!text || file_write(s->path, text, strlen(text))) cache_warn(d);
    free(text);
    cJSON_Delete(file);
    s->changed = s->cleared = false;
}

void store_free(struct store *s)
{
    if (!s) return;
    cJSON_Delete(s->entries);
    free(s->path);
    free(s);
}
