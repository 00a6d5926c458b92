#include "network/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "model/model.h"

enum { CONFIG_BYTES_MAX = 16 << 20 };

/* ---- settings ---------------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(train_options, member)
/* clang-format off */
/* The settings' table; batches of parcels and of patches differ in size. */
#define TRAIN_FIELDS(batch, least, unit, rate, every, after)                                                                              \
    {"res_dir", FIELD_TEXT, AT(res_dir), "\"./results\"", 0, 0, NULL, "run folder"},                                   \
    {"epochs", FIELD_INT, AT(epochs), "100", 1, 1e6, NULL, "passes over the training set, per fold"},                  \
    {"batch_size", FIELD_INT, AT(batch_size), batch, least, 1e6, NULL, unit " a step"},                                \
    {"lr", FIELD_REAL, AT(lr), rate, 0, 1e3, NULL, "Adam's learning rate"},                                         \
    {"fold", FIELD_OPTIONAL_INT, AT(fold), "null", 1, 1000, NULL, "the one fold to run, from 1; null: all"},           \
    {"val_every", FIELD_INT, AT(val_every), every, 1, 1e6, NULL, "validate every so many epochs (and after the last)"},  \
    {"val_after", FIELD_INT, AT(val_after), after, 0, 1e6, NULL, "no validation up to this epoch"},                    \
    {"class_weights", FIELD_REAL_LIST, AT(class_weights), "null", 0, 1e6, "balanced",                                  \
     "what each class counts in the training loss; null: all the same; a list: a number for each; by how rare it is "  \
     "among the fold's training samples"}
/* clang-format on */

static const field parcel_train_fields[] = {
    TRAIN_FIELDS("128", 2, "parcels", "0.001", "1", "0"),
    {"rdm_seed", FIELD_INT, AT(rdm_seed), "1", 0, 2147483647, NULL, "of everything drawn, and of the fold split"},
    {"gamma", FIELD_REAL, AT(gamma), "1", 0, 100, NULL, "of the focal loss; 0 is cross entropy"},
    {"kfold", FIELD_INT, AT(kfold), "5", 3, 1000, NULL, "number of folds"},
    {0},
};

/* clang-format off */
#define IMAGE_FIELDS(rate, every, after)                                                                               \
    TRAIN_FIELDS("4", 1, "patches", rate, every, after),                                                               \
    {"rdm_seed", FIELD_INT, AT(rdm_seed), "1", 0, 2147483647, NULL, "of everything drawn"},                            \
    {"kfold", FIELD_INT, AT(kfold), "5", 5, 5, NULL, "number of folds: the pack says which patch is in which of five"}, \
    {"ignore_index", FIELD_OPTIONAL_INT, AT(ignore_index), "-1", -65536, 65535, NULL,                                  \
     "the void class, left out of the loss and the measures; negative: from the end; null: none"}
/* clang-format on */

static const field image_train_fields[] = {IMAGE_FIELDS("0.001", "1", "0"), {0}};

enum { IMAGE_FIELD_COUNT = sizeof image_train_fields / sizeof *image_train_fields - 1 };

/* Those, with the defaults of the published train_panoptic.py, and a head's own. */
static const field head_train_fields[] = {
    IMAGE_FIELDS("0.01", "5", "65"),
    {"l_center", FIELD_REAL, AT(l_center), "1", 0, 1e6, NULL, "weight of the heat map's loss"},
    {"l_size", FIELD_REAL, AT(l_size), "1", 0, 1e6, NULL, "weight of the sizes' loss"},
    {"l_shape", FIELD_REAL, AT(l_shape), "1", 0, 1e6, NULL, "weight of the masks' loss"},
    {"l_class", FIELD_REAL, AT(l_class), "1", 0, 1e6, NULL, "weight of the classes' loss"},
    {"beta", FIELD_REAL, AT(beta), "4", 0, 100, NULL, "exponent that spares the surroundings of centres"},
    {"warmup", FIELD_INT, AT(warmup), "5", 0, 1e6, NULL, "epochs at the start that train the heat map alone"},
    {"supmax", FIELD_BOOL, AT(supmax), "true", 0, 0, NULL,
     "supervise the hottest pixel of each parcel's zone; false: all local maxima"},
    {"autotune", FIELD_BOOL, AT(autotune), "true", 0, 0, NULL,
     "choose the confidence threshold on the validation set and store it with the weights"},
    {"val_metrics_only", FIELD_BOOL, AT(val_metrics_only), "false", 0, 0, NULL, "no SQ, RQ, PQ while training"},
    {"lr_milestones", FIELD_INT_LIST, AT(lr_milestones), "[60, 80]", 1, 1e6, NULL,
     "after these epochs the learning rate is multiplied by lr_decay; null: never"},
    {"lr_decay", FIELD_REAL, AT(lr_decay), "0.3", 0, 1, NULL, "see lr_milestones"},
    {0},
};
#undef AT

static const field eval_fields[] = {
    {"batch_size", FIELD_OPTIONAL_INT, offsetof(eval_options, batch_size), "null", 1, 1e6, NULL,
     "samples a batch; null: train.batch_size for parcels, 1 for patches"},
    {"subset", FIELD_CHOICE, offsetof(eval_options, subset), "\"test\"", 0, 0, "test|validation|train|all",
     "which samples eval looks at: a part of the fold, or all"},
    {0},
};

static const field parcel_root_fields[] = {
    {"device", FIELD_TEXT, offsetof(root_options, device), "null", 0, 0, NULL,
     "auto, an index, part of a name, cpu, gpu or accelerator"},
    {0},
};

static const field image_root_fields[] = {
    {"device", FIELD_TEXT, offsetof(root_options, device), "null", 0, 0, NULL,
     "auto, an index, part of a name, cpu, gpu or accelerator"},
    {"padding", FIELD_CHOICE, offsetof(root_options, padding), "\"published\"", 0, 0, "published|skip",
     "training: series count as padded with zeros to the batch's longest, as published, or as they are"},
    {"memory_limit", FIELD_REAL, offsetof(root_options, memory_limit), "0.8", 0, 1e18, NULL,
     "bytes; up to 1: a share of the device's memory; 0: no limit but the device's"},
    {"exact", FIELD_BOOL, offsetof(root_options, exact), "false", 0, 0, NULL,
     "direct convolutions only: no Winograd forms"},
    {0},
};

/* The tables of one kind of network. */
typedef struct tables {
    const field *data, *train, *eval, *root;
} tables;

static tables tables_of(enum model_kind kind, bool head)
{
    const field *images = head ? head_train_fields : image_train_fields;
    if (kind == MODEL_DENSE) return (tables){patches_fields, images, eval_fields, image_root_fields};
    return (tables){pixelset_fields, parcel_train_fields, eval_fields, parcel_root_fields};
}

static void *data_of(run_config *c)
{
    return c->kind == MODEL_DENSE ? (void *)&c->images : (void *)&c->parcels;
}

static const char *const sections[] = {"data",    "model",        "train", "eval", "device",
                                       "padding", "memory_limit", "exact", NULL};
enum { SECTION_OBJECTS = 4 };

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int check_sections(const cJSON *root, const char *path)
{
    if (!cJSON_IsObject(root)) return fail(USAGE, "%s: the configuration must be a JSON object", path);
    const cJSON *item;
    cJSON_ArrayForEach(item, root) {
        int known = 0;
        while (sections[known] && strcmp(item->string, sections[known]) != 0) known++;
        if (sections[known] && (known >= SECTION_OBJECTS || cJSON_IsObject(item))) continue;
        if (sections[known]) return fail(USAGE, "%s: %s must be an object {...}", path, item->string);
        const char *near = nearest_word(item->string, sections);
        return fail(USAGE,
                    "%s: unknown key %s; wanted data, model, train, eval, device, padding, memory_limit or exact%s%s%s",
                    path, item->string, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
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

/* What stands beside the sections; a device may be an index as a number. */
static int read_root(const cJSON *root, const char *path, run_config *out)
{
    cJSON *beside = cJSON_CreateObject();
    for (int i = SECTION_OBJECTS; sections[i]; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, sections[i]);
        if (!item) continue;
        if (cJSON_IsNumber(item) && strcmp(sections[i], "device") == 0) {
            char *text = text_format("%d", item->valueint);
            if (text) cJSON_AddStringToObject(beside, "device", text);
            free(text);
        } else {
            json_add(beside, sections[i], cJSON_Duplicate(item, true));
        }
    }
    int rc = schema_read(tables_of(out->kind, out->head).root, beside, path, &out->root);
    cJSON_Delete(beside);
    return rc;
}

static int read_kind(const cJSON *network, const char *path, enum model_kind *kind, bool *head)
{
    if (cJSON_IsString(cJSON_GetObjectItemCaseSensitive(network, "arch"))) {
        int rc = model_config_kind(network, kind, head);
        return rc ? fail_within(rc, "%s", path) : OK;
    }
    return fail(USAGE, "%s: model.arch is missing; wanted the network's name, such as \"psetae\"", path);
}

static int check_train(const run_config *c)
{
    if (!c->train.res_dir || !*c->train.res_dir)
        return fail(USAGE, "%s: train.res_dir is empty; wanted the run folder's path", c->path);
    if (c->train.fold.present && c->train.fold.value > c->train.kfold)
        return fail(USAGE, "%s: train.fold is %d; wanted 1 to train.kfold, which is %d", c->path, c->train.fold.value,
                    c->train.kfold);
    if (c->head && c->train.warmup >= c->train.epochs)
        return fail(USAGE, "%s: train.warmup is %d; wanted less than train.epochs, which is %d", c->path,
                    c->train.warmup, c->train.epochs);
    if (c->head && c->train.warmup && c->train.l_center == 0)
        return fail(USAGE, "%s: train.l_center is 0; wanted more, as the warm-up trains by it alone", c->path);
    return OK;
}

int config_read(const char *path, const char *const *set, int sets, run_config *out)
{
    cJSON *root = NULL;
    *out = (run_config){0};
    int rc = json_read(path, CONFIG_BYTES_MAX, &root);
    if (rc && file_exists(path)) rc = USAGE; /* it is there, and wrong */
    return rc ? rc : config_take(root, path, set, sets, out);
}

int config_take(cJSON *given, const char *path, const char *const *set, int sets, run_config *out)
{
    *out = (run_config){0};
    int rc = OK;
    char *where = NULL;
    cJSON *root = NULL;
    bool flat = false;
    rc = config_from_published(given, path, &root, &flat);
    if (rc) goto done;
    TRY_NEW(out->path = text_copy(path));
    for (int i = 0; i < sets; i++) TRY(json_set(root, set[i]));
    TRY(check_sections(root, path));
    TRY_NEW(where = text_format("%s: model", path));
    out->model = cJSON_DetachItemFromObjectCaseSensitive(root, "model");
    if (out->model) TRY(model_config_normalise(&out->model, where));
    TRY(read_kind(out->model, path, &out->kind, &out->head));
    const tables t = tables_of(out->kind, out->head);
    TRY(read_section(t.data, root, "data", path, data_of(out)));
    TRY(read_section(t.train, root, "train", path, &out->train));
    TRY(read_section(t.eval, root, "eval", path, &out->eval));
    TRY(read_root(root, path, out));
    TRY(check_train(out));
    TRY(json_lost());
done:
    cJSON_Delete(root);
    free(where);
    if (rc) config_free(out);
    return rc;
}

void config_free(run_config *c)
{
    const tables t = tables_of(c->kind, c->head);
    schema_free(t.data, data_of(c));
    schema_free(t.train, &c->train);
    schema_free(t.eval, &c->eval);
    schema_free(t.root, &c->root);
    cJSON_Delete(c->model);
    free(c->path);
    *c = (run_config){0};
}

int config_resolved(const run_config *c, const cJSON *network, cJSON **out)
{
    int rc = OK;
    const tables t = tables_of(c->kind, c->head);
    const void *data = c->kind == MODEL_DENSE ? (const void *)&c->images : (const void *)&c->parcels;
    cJSON *root = cJSON_CreateObject();
    TRY(schema_write(t.data, data, cJSON_AddObjectToObject(root, "data")));
    json_add(root, "model", cJSON_Duplicate(network, true));
    TRY(schema_write(t.train, &c->train, cJSON_AddObjectToObject(root, "train")));
    TRY(schema_write(t.eval, &c->eval, cJSON_AddObjectToObject(root, "eval")));
    TRY(schema_write(t.root, &c->root, root));
    if (!c->root.device) cJSON_ReplaceItemInObjectCaseSensitive(root, "device", cJSON_CreateString("auto"));
    *out = root;
done:
    if (rc) cJSON_Delete(root);
    return rc;
}

int config_class_weights_check(const run_config *c, int classes)
{
    const real_list *given = &c->train.class_weights;
    bool any = given->count < 0;
    if (given->count >= 0 && given->count != classes)
        return fail(USAGE, "%s: train.class_weights has %d numbers; wanted %d, one for each class, or \"balanced\"",
                    c->path, given->count, classes);
    for (int k = 0; k < given->count; k++) any |= given->value[k] > 0;
    return any ? OK : fail(USAGE, "%s: train.class_weights are all 0; wanted a number above 0 among them", c->path);
}

int config_ignored_class(const run_config *c, int classes, int *out)
{
    const optional_int *given = &c->train.ignore_index;
    *out = -1;
    if (c->kind != MODEL_DENSE || !given->present) return OK;
    const int k = given->value < 0 ? classes + given->value : given->value;
    if (k < 0 || k >= classes)
        return fail(USAGE, "%s: train.ignore_index is %d; wanted a class from 0 to %d, or %d to -1", c->path,
                    given->value, classes - 1, -classes);
    *out = k;
    return OK;
}

/* ---- help -------------------------------------------------------------------------------------------------------- */

static char *kind_help(enum model_kind kind, const char *of)
{
    const tables t = tables_of(kind, false);
    char *titles[] = {text_format("data, for %s", of), text_format("train, for %s", of),
                      text_format("beside them, for %s", of)};
    char *text[] = {titles[0] ? schema_help(t.data, titles[0]) : NULL,
                    titles[1] ? schema_help(t.train, titles[1]) : NULL,
                    titles[2] ? schema_help(t.root, titles[2]) : NULL};
    char *all = text[0] && text[1] && text[2] ? text_format("%s\n%s\n%s", text[0], text[1], text[2]) : NULL;
    for (int i = 0; i < 3; i++) {
        free(titles[i]);
        free(text[i]);
    }
    return all;
}

char *config_help(void)
{
    char *parcels = kind_help(MODEL_PARCEL, "networks of parcels"),
         *images = kind_help(MODEL_DENSE, "networks of images");
    char *head = schema_help(head_train_fields + IMAGE_FIELD_COUNT,
                             "train, for networks of images with a head (there lr is 0.01, val_every 5, val_after 65)");
    char *eval = schema_help(eval_fields, "eval"), *network = model_help(), *all = NULL;
    if (parcels && images && head && eval && network)
        all = text_format(
            "A run's configuration is a JSON object with these parts; the keys of each:\n\n%s\n%s\n%s\n%s\n%s", parcels,
            images, head, eval, network);
    free(parcels);
    free(images);
    free(head);
    free(eval);
    free(network);
    return all;
}
