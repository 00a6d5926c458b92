#include "data-tools/geotiff_windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"

enum { STATE_MAX = 1 << 12, DOCUMENT_MAX = 1 << 28 };

static char *folder_of(const char *out)
{
    return path_join(out, "unfinished");
}

static char *document_of(const char *out, int row, int column)
{
    return text_format("%s/unfinished/%d_%d.json", out, row, column);
}

/* ---- state --------------------------------------------------------------------------------------------------------- */

static int state_write(const char *path, const char *text)
{
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "state", text);
    const int rc = json_write(path, all);
    cJSON_Delete(all);
    return rc;
}

static int state_compare(const char *out, const char *path, const char *text)
{
    cJSON *all = NULL;
    const cJSON *state;
    int rc = json_read(path, STATE_MAX, &all);
    if (rc) return rc;
    state = cJSON_GetObjectItemCaseSensitive(all, "state");
    if (!cJSON_IsString(state) || strcmp(state->valuestring, text) != 0)
        rc =
            fail(FAILED,
                 "%s: holds unfinished patches of other images, parcels or options: wanted another folder, or an empty "
                 "one",
                 out);
    cJSON_Delete(all);
    return rc;
}

int geotiff_windows_begin(const char *out, uint64_t state)
{
    char text[20], *folder = folder_of(out), *path = NULL, *data = path_join(out, "DATA_S2");
    int rc = OK;
    TRY_NEW(folder);
    TRY_NEW(data);
    TRY_NEW(path = path_join(folder, "state.json"));
    snprintf(text, sizeof text, "%016llx", (unsigned long long)state);
    if (file_exists(path)) {
        TRY(state_compare(out, path, text));
        TRY(folder_clear_temporaries(folder));
        goto done;
    }
    if (file_exists(data)) {
        rc = fail(FAILED, "%s exists: wanted a folder without DATA_S2, so that no patches are mixed", data);
        goto done;
    }
    TRY(folder_make(folder));
    TRY(state_write(path, text));
done:
    free(folder);
    free(path);
    free(data);
    return rc;
}

int geotiff_windows_end(const char *out)
{
    char **names = NULL, *folder = folder_of(out), *state = NULL;
    size_t count = 0;
    int rc = OK;
    TRY_NEW(folder);
    TRY_NEW(state = path_join(folder, "state.json"));
    TRY(folder_list(folder, "", &names, &count));
    for (size_t i = 0; i < count; i++) {
        char *path = path_join(folder, names[i]);
        TRY_NEW(path);
        if (strcmp(path, state) != 0) unlink(path);
        free(path);
    }
    unlink(state); /* last, so that what is left by a kill here is known as unfinished */
    rmdir(folder);
done:
    folder_free(names, count);
    free(folder);
    free(state);
    return rc;
}

/* ---- windows ------------------------------------------------------------------------------------------------------- */

static bool is_count(const cJSON *all, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(all, key);
    return cJSON_IsNumber(item) && item->valuedouble >= 0;
}

static bool is_window(const cJSON *all)
{
    const cJSON *patches = cJSON_GetObjectItemCaseSensitive(all, "patches"), *one;
    if (!is_count(all, "without_parcels") || !is_count(all, "unseen") || !cJSON_IsArray(patches)) return false;
    cJSON_ArrayForEach(one, patches) {
        const cJSON *properties = cJSON_GetObjectItemCaseSensitive(one, "properties");
        if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(one, "footprint")) || !is_count(properties, "ID_PATCH") ||
            !is_count(properties, "Fold") || !cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(properties, "dates-S2")))
            return false;
    }
    return true;
}

int geotiff_window_read(const char *out, int row, int column, cJSON **document)
{
    char *path = document_of(out, row, column);
    *document = NULL;
    if (!path) return FAILED;
    if (file_exists(path) && !json_read(path, DOCUMENT_MAX, document) && !is_window(*document)) {
        cJSON_Delete(*document);
        *document = NULL;
    }
    free(path);
    return OK;
}

int geotiff_window_write(const char *out, int row, int column, const cJSON *document)
{
    char *path = document_of(out, row, column);
    const int rc = path ? json_write(path, document) : FAILED;
    free(path);
    return rc;
}
