#include "run/stac_item.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/sha256.h"

#define MLM       "https://stac-extensions.github.io/mlm/v1.5.2/schema.json"
#define RASTER    "https://stac-extensions.github.io/raster/v1.1.0/schema.json"
#define FILE_INFO "https://stac-extensions.github.io/file/v2.1.0/schema.json"

enum { FOLDER_BYTES = 4096 };

static const char SHA256_MULTIHASH[] = "1220"; /* code of SHA-256, 32 bytes */

/* ---- bands --------------------------------------------------------------------------------------------------------- */

/* The inputs' bands by name: MLM wants them to be bands of the model's asset. */
static int bands_list(const stac_model *m, cJSON **out)
{
    int rc = OK;
    cJSON *names = NULL, *list = cJSON_CreateArray();
    const cJSON *name;
    TRY(stac_band_names(m, &names));
    cJSON_ArrayForEach(name, names) {
        cJSON *band = cJSON_CreateObject();
        cJSON_AddStringToObject(band, "name", name->valuestring);
        json_append(list, band);
    }
    *out = list;
    list = NULL;
done:
    cJSON_Delete(names);
    cJSON_Delete(list);
    return rc;
}

/* ---- properties ---------------------------------------------------------------------------------------------------- */

/* The names' pattern knows letters, digits and _ . - alone. */
static char *plain_name(const char *title)
{
    char *name = text_copy(title);
    size_t used = 0;
    for (const char *at = title; name && *at; at++) {
        const bool plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.", *at) != NULL;
        if (plain || (used && name[used - 1] != '-')) name[used++] = plain ? *at : '-';
    }
    while (name && used && name[used - 1] == '-') used--;
    if (name) name[used] = 0;
    return name;
}

static int title_of(const stac_model *m, char **out)
{
    *out = text_format(model_head(m->model) ? "%s + PaPs" : "%s", model_title(m->model));
    return *out ? OK : FAILED;
}

/* The time that the training's images are from. */
static void times_add(const stac_model *m, cJSON *to)
{
    int32_t reference;
    int first, last;
    cJSON_AddNullToObject(to, "datetime");
    samples_days(&m->s->set, &first, &last);
    if (!samples_reference(&m->s->set, &reference)) reference = first = last = 0;
    const char *keys[2] = {"start_datetime", "end_datetime"};
    for (int k = 0; k < 2; k++) {
        char *text =
            text_format("%sT%sZ", date_write(reference + (k ? last : first)).text, k ? "23:59:59" : "00:00:00");
        json_add(to, keys[k], text ? cJSON_CreateString(text) : NULL);
        free(text);
    }
}

static int properties_of(const stac_model *m, cJSON *to)
{
    char *title = NULL, *name = NULL;
    cJSON *inputs = NULL, *tasks;
    int rc = OK;
    TRY(title_of(m, &title));
    TRY_NEW(name = plain_name(title));
    TRY(stac_inputs(m, &inputs));
    times_add(m, to);
    cJSON_AddStringToObject(to, "mlm:name", name);
    cJSON_AddStringToObject(to, "mlm:architecture", title);
    tasks = cJSON_AddArrayToObject(to, "mlm:tasks");
    json_append(tasks, cJSON_CreateString(stac_task(m)));
    cJSON_AddStringToObject(to, "mlm:framework", "furrow");
    cJSON_AddStringToObject(to, "mlm:framework_version", FURROW_VERSION);
    cJSON_AddNumberToObject(to, "mlm:total_parameters", (double)m->parameters);
    cJSON_AddTrueToObject(to, "mlm:pretrained");
    cJSON_AddNullToObject(to, "mlm:accelerator");
    json_add(to, "mlm:hyperparameters", model_config(m->model));
    json_add(to, "mlm:input", inputs);
    json_add(to, "mlm:output", stac_outputs(m));
    inputs = NULL;
done:
    cJSON_Delete(inputs);
    free(title);
    free(name);
    return rc;
}

/* ---- the file of weights ------------------------------------------------------------------------------------------- */

static const char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool are_neighbours(const char *a, const char *b)
{
    const size_t folder = (size_t)(name_in(a) - a);
    return folder == (size_t)(name_in(b) - b) && !strncmp(a, b, folder);
}

/* Beside the item by its name, else by its whole path. */
static char *address_of(const stac_model *m)
{
    char here[FOLDER_BYTES];
    if (are_neighbours(m->exported, m->item)) return text_format("./%s", name_in(m->exported));
    if (*m->exported == '/' || !getcwd(here, sizeof here)) return text_copy(m->exported);
    return text_format("%s/%s", here, m->exported);
}

static int asset_of(const stac_model *m, cJSON *to)
{
    sha256_text hash;
    uint64_t bytes;
    char *address = NULL, *checksum = NULL;
    cJSON *roles, *bands = NULL;
    int rc = OK;
    TRY(bands_list(m, &bands));
    TRY(sha256_file(m->exported, &hash, &bytes));
    TRY_NEW(address = address_of(m));
    TRY_NEW(checksum = text_format("%s%s", SHA256_MULTIHASH, hash.text));
    cJSON_AddStringToObject(to, "href", address);
    cJSON_AddStringToObject(to, "title", "weights by the published names");
    cJSON_AddStringToObject(to, "type", "application/octet-stream; framework=pytorch");
    roles = cJSON_AddArrayToObject(to, "roles");
    json_append(roles, cJSON_CreateString("mlm:model"));
    json_append(roles, cJSON_CreateString("mlm:weights"));
    cJSON_AddStringToObject(to, "mlm:artifact_type", "safetensors.torch.save_file");
    cJSON_AddNumberToObject(to, "file:size", (double)bytes);
    cJSON_AddStringToObject(to, "file:checksum", checksum);
    json_add(to, "raster:bands", bands);
    bands = NULL;
done:
    cJSON_Delete(bands);
    free(address);
    free(checksum);
    return rc;
}

/* ---- the item ------------------------------------------------------------------------------------------------------ */

static char *id_of(const char *exported)
{
    const char *name = name_in(exported), *dot = strrchr(name, '.');
    return text_format("%.*s", (int)(dot && dot != name ? (size_t)(dot - name) : strlen(name)), name);
}

int stac_item(const stac_model *m, cJSON **out)
{
    cJSON *all = cJSON_CreateObject(), *list;
    char *id = id_of(m->exported);
    int rc = OK;
    TRY_NEW(id);
    cJSON_AddStringToObject(all, "type", "Feature");
    cJSON_AddStringToObject(all, "stac_version", "1.1.0");
    list = cJSON_AddArrayToObject(all, "stac_extensions");
    json_append(list, cJSON_CreateString(MLM));
    json_append(list, cJSON_CreateString(RASTER));
    json_append(list, cJSON_CreateString(FILE_INFO));
    cJSON_AddStringToObject(all, "id", id);
    cJSON_AddNullToObject(all, "geometry"); /* it is not bound to a place */
    TRY(properties_of(m, cJSON_AddObjectToObject(all, "properties")));
    cJSON_AddArrayToObject(all, "links");
    TRY(asset_of(m, cJSON_AddObjectToObject(cJSON_AddObjectToObject(all, "assets"), "model")));
    TRY(json_lost());
    *out = all;
    all = NULL;
done:
    cJSON_Delete(all);
    free(id);
    return rc;
}
