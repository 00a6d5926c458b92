#include "run/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "model/model.h"

enum { CONFIG_BYTES_MAX = 16 << 20 };

#define AT(member) offsetof(train_options, member)
const field train_fields[] = {
    {"res_dir", FIELD_TEXT, AT(res_dir), "\"./results\"", 0, 0, NULL, "run folder"},
    {"epochs", FIELD_INT, AT(epochs), "100", 1, 1e6, NULL, "passes over the training set, per fold"},
    {"batch_size", FIELD_INT, AT(batch_size), "128", 2, 1e6, NULL, "parcels a step"},
    {"lr", FIELD_REAL, AT(lr), "0.001", 0, 1e3, NULL, "Adam's learning rate"},
    {"gamma", FIELD_REAL, AT(gamma), "1", 0, 100, NULL, "of the focal loss; 0 is cross entropy"},
    {"rdm_seed", FIELD_INT, AT(rdm_seed), "1", 0, 2147483647, NULL, "of everything drawn, and of the fold split"},
    {"kfold", FIELD_INT, AT(kfold), "5", 3, 1000, NULL, "number of folds"},
    {"fold", FIELD_OPTIONAL_INT, AT(fold), "null", 1, 1000, NULL, "the one fold to run, from 1; null: all"},
    {"val_every", FIELD_INT, AT(val_every), "1", 1, 1e6, NULL, "validate every so many epochs (and after the last)"},
    {"val_after", FIELD_INT, AT(val_after), "0", 0, 1e6, NULL, "no validation up to this epoch"},
    {0},
};
#undef AT

const field eval_fields[] = {
    {"batch_size", FIELD_OPTIONAL_INT, offsetof(eval_options, batch_size), "null", 1, 1e6, NULL,
     "parcels a batch; null: train.batch_size"},
    {"subset", FIELD_CHOICE, offsetof(eval_options, subset), "\"test\"", 0, 0, "test|validation|train|all",
     "which parcels eval looks at: a part of the fold, or all"},
    {0},
};

typedef struct root_options {
    char *device;
} root_options;

static const field root_fields[] = {
    {"device", FIELD_TEXT, offsetof(root_options, device), "null", 0, 0, NULL,
     "auto, an index, part of a name, cpu, gpu or accelerator"},
    {0},
};

static const char *const sections[] = {"data", "model", "train", "eval", "device", NULL};

static int check_sections(const cJSON *root, const char *path)
{
    if (!cJSON_IsObject(root)) return fail(USAGE, "%s: the configuration must be a JSON object", path);
    const cJSON *item;
    cJSON_ArrayForEach(item, root) {
        bool known = false;
        for (int i = 0; sections[i]; i++) known = known || strcmp(item->string, sections[i]) == 0;
        if (known && (strcmp(item->string, "device") == 0 || cJSON_IsObject(item))) continue;
        if (known) return fail(USAGE, "%s: %s must be an object {...}", path, item->string);
        const char *near = nearest_word(item->string, sections);
        return fail(USAGE, "%s: unknown key %s; wanted data, model, train, eval or device%s%s%s", path, item->string,
                    near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    }
    return OK;
}

static int read_section(const field *fields, const cJSON *root, const char *name, const char *path, void *target)
{
    char *where = text_format("%s: %s", path, name);
    if (!where) return FAILED;
    int rc = schema_read(fields, cJSON_GetObjectItemCaseSensitive(root, name), where, target);
    free(where);
    return rc;
}

static int read_device(const cJSON *root, const char *path, run_config *out)
{
    root_options options = {0};
    cJSON *only = cJSON_CreateObject();
    const cJSON *selector = cJSON_GetObjectItemCaseSensitive(root, "device");
    if (cJSON_IsNumber(selector)) { /* an index as a number */
        char *text = text_format("%d", selector->valueint);
        if (text) cJSON_AddStringToObject(only, "device", text);
        free(text);
    } else if (selector) {
        cJSON_AddItemToObject(only, "device", cJSON_Duplicate(selector, true));
    }
    int rc = schema_read(root_fields, only, path, &options);
    cJSON_Delete(only);
    if (!rc) out->device = options.device;
    return rc;
}

static int check_model(const cJSON *root, const char *path)
{
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "model"), "arch");
    if (cJSON_IsString(arch)) return OK;
    return fail(USAGE, "%s: model.arch is missing; wanted the network's name, such as \"psetae\"", path);
}

static int check_train(const run_config *c)
{
    if (!c->train.res_dir || !*c->train.res_dir)
        return fail(USAGE, "%s: train.res_dir is empty; wanted the run folder's path", c->path);
    if (c->train.fold.present && c->train.fold.value > c->train.kfold)
        return fail(USAGE, "%s: train.fold is %d; wanted 1 to train.kfold, which is %d", c->path, c->train.fold.value,
                    c->train.kfold);
    return OK;
}

int config_read(const char *path, const char *const *set, int sets, run_config *out)
{
    *out = (run_config){0};
    int rc = OK;
    cJSON *root = NULL;
    bool flat = false;
    TRY_NEW(out->path = text_copy(path));
    rc = json_read(path, CONFIG_BYTES_MAX, &root);
    if (rc && file_exists(path)) rc = USAGE; /* it is there, and wrong */
    if (rc) goto done;
    cJSON *given = root;
    root = NULL;
    TRY(config_from_published(given, path, &root, &flat));
    for (int i = 0; i < sets; i++) TRY(json_set(root, set[i]));
    TRY(check_sections(root, path));
    TRY(check_model(root, path));
    TRY(read_section(pixelset_fields, root, "data", path, &out->data));
    TRY(read_section(train_fields, root, "train", path, &out->train));
    TRY(read_section(eval_fields, root, "eval", path, &out->eval));
    TRY(read_device(root, path, out));
    TRY(check_train(out));
    out->model = cJSON_DetachItemFromObjectCaseSensitive(root, "model");
done:
    cJSON_Delete(root);
    if (rc) config_free(out);
    return rc;
}

void config_free(run_config *c)
{
    schema_free(pixelset_fields, &c->data);
    schema_free(train_fields, &c->train);
    schema_free(eval_fields, &c->eval);
    cJSON_Delete(c->model);
    free(c->device);
    free(c->path);
    *c = (run_config){0};
}

int config_resolved(const run_config *c, const cJSON *network, cJSON **out)
{
    int rc = OK;
    cJSON *root = cJSON_CreateObject();
    TRY(schema_write(pixelset_fields, &c->data, cJSON_AddObjectToObject(root, "data")));
    cJSON_AddItemToObject(root, "model", cJSON_Duplicate(network, true));
    TRY(schema_write(train_fields, &c->train, cJSON_AddObjectToObject(root, "train")));
    TRY(schema_write(eval_fields, &c->eval, cJSON_AddObjectToObject(root, "eval")));
    cJSON_AddStringToObject(root, "device", c->device ? c->device : "auto");
    *out = root;
done:
    if (rc) cJSON_Delete(root);
    return rc;
}

char *config_help(void)
{
    char *data = schema_help(pixelset_fields, "data: the pack and how parcels are drawn from it");
    char *train = schema_help(train_fields, "train");
    char *eval = schema_help(eval_fields, "eval");
    char *root = schema_help(root_fields, "beside them");
    char *network = model_help();
    char *all = NULL;
    if (data && train && eval && root && network)
        all = text_format(
            "A run's configuration is a JSON object with these parts; the keys of each:\n\n%s\n%s\n%s\n%s\n%s", data,
            network, train, eval, root);
    free(data);
    free(train);
    free(eval);
    free(root);
    free(network);
    return all;
}
