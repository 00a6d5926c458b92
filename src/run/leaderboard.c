/* furrow_leaderboard: run folders as rows of PASTIS's two tables, beside the rows that are published there (the data set's
 * readme, github.com/VSainteuf/pastis-benchmark). Only what the folders hold is read: no device, no pack. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"
#include "format/h5.h"
#include "furrow.h"
#include "model/model.h"
#include "run/session.h"

enum { MEASURES = 3, FOLDS_MAX = 1000, JSON_BYTES_MAX = 16 << 20 };

/* A table: its columns, and where test_metrics.json has them. Patches' accuracy and IoU are in percent there, SQ, RQ and
 * PQ fractions. */
typedef struct table {
    const char *name;
    int measures;
    const char *column[MEASURES], *key[MEASURES];
    double scale; /* to percent */
} table;

static const table semantic = {"semantic", 2, {"OA", "mIoU"}, {"test_accuracy", "test_IoU"}, 1};
static const table panoptic = {"panoptic", 3, {"SQ", "RQ", "PQ"}, {"test_SQ", "test_RQ", "test_PQ"}, 100};

/* As published; parameters are rounded there, 0: not given. */
typedef struct published_row {
    const table *table;
    const char *name;
    double parameters, value[MEASURES];
} published_row;

static const published_row published[] = {
    {&semantic, "U-TAE", 1.1e6, {83.2, 63.1}},          {&semantic, "Unet-3d", 1.6e6, {81.3, 58.4}},
    {&semantic, "Unet-ConvLSTM", 1.5e6, {82.1, 57.8}},  {&semantic, "FPN-ConvLSTM", 1.3e6, {81.6, 57.1}},
    {&panoptic, "U-TAE + PaPs", 0, {81.3, 49.2, 40.4}},
};

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void put_number(cJSON *object, const char *key, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(object, key, value);
    else
        cJSON_AddNullToObject(object, key);
}

static void put_measure(cJSON *row, const char *column, double mean, double deviation)
{
    cJSON *measure = cJSON_AddObjectToObject(row, column);
    put_number(measure, "mean", mean);
    put_number(measure, "deviation", deviation);
}

static cJSON *new_row(const char *name, const char *folder_path, double parameters)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "name", name);
    if (folder_path)
        cJSON_AddStringToObject(row, "run", folder_path);
    else
        cJSON_AddNullToObject(row, "run");
    cJSON_AddBoolToObject(row, "published", !folder_path);
    put_number(row, "parameters", parameters > 0 ? parameters : NAN);
    return row;
}

/* What a table is ordered by: its last column, the best first, what is undefined at the end. */
static double merit(const cJSON *row, const table *t)
{
    const cJSON *measure = cJSON_GetObjectItemCaseSensitive(row, t->column[t->measures - 1]);
    const cJSON *mean = cJSON_GetObjectItemCaseSensitive(measure, "mean");
    return cJSON_IsNumber(mean) ? mean->valuedouble : -1;
}

static void insert(cJSON *rows, cJSON *row, const table *t)
{
    int at = 0;
    const cJSON *other;
    cJSON_ArrayForEach(other, rows) at += merit(other, t) >= merit(row, t);
    if (at == cJSON_GetArraySize(rows))
        cJSON_AddItemToArray(rows, row);
    else
        cJSON_InsertItemInArray(rows, at, row);
}

static void insert_published(cJSON *rows, const table *t)
{
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        const published_row *p = published + i;
        if (p->table != t) continue;
        cJSON *row = new_row(p->name, NULL, p->parameters);
        for (int k = 0; k < t->measures; k++) put_measure(row, t->column[k], p->value[k], NAN);
        insert(rows, row, t);
    }
}

/* ---- a run folder ------------------------------------------------------------------------------------------------ */

typedef struct folder {
    const char *path;
    model *model;
    const table *table;
    int folds; /* that have been tested */
    int first; /* one of them */
    double value[MEASURES][FOLDS_MAX];
} folder;

static int read_config(folder *f)
{
    int rc = OK;
    cJSON *config = NULL;
    char *path = path_join(f->path, "conf.json");
    TRY_NEW(path);
    TRY(json_read(path, JSON_BYTES_MAX, &config));
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(config, "model");
    if (!cJSON_IsObject(settings)) {
        rc = fail(FAILED, "%s has no model; wanted a run folder that train made", path);
        goto done;
    }
    TRY(model_new(settings, path, &f->model));
    if (model_kind_of(f->model) != MODEL_DENSE) {
        rc = fail(USAGE, "%s: %s is for parcels; the tables are of networks for image patches", path,
                  model_title(f->model));
        goto done;
    }
    f->table = model_head(f->model) ? &panoptic : &semantic;
done:
    cJSON_Delete(config);
    free(path);
    return rc;
}

/* A measure that is null is undefined: NaN. */
static int read_metrics(folder *f, const char *path)
{
    int rc = OK;
    cJSON *metrics = NULL;
    TRY(json_read(path, JSON_BYTES_MAX, &metrics));
    for (int k = 0; k < f->table->measures; k++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(metrics, f->table->key[k]);
        if (!cJSON_IsNumber(item) && !cJSON_IsNull(item)) {
            rc = fail(FAILED, "%s: %s is %s, wanted a number or null", path, f->table->key[k],
                      item ? "something else" : "missing");
            goto done;
        }
        f->value[k][f->folds] = cJSON_IsNull(item) ? NAN : item->valuedouble * f->table->scale;
    }
    f->folds++;
done:
    cJSON_Delete(metrics);
    return rc;
}

static int read_folds(folder *f)
{
    for (int fold = 1; fold <= FOLDS_MAX; fold++) {
        char *path = text_format("%s/Fold_%d/test_metrics.json", f->path, fold);
        if (!path) return FAILED;
        int rc = OK;
        if (file_exists(path)) {
            if (!f->first) f->first = fold;
            rc = read_metrics(f, path);
        }
        free(path);
        if (rc) return rc;
    }
    return f->folds ? OK : fail(FAILED, "%s has no Fold_k/test_metrics.json: no fold of it has been tested", f->path);
}

static bool ends_in(const char *text, const char *end)
{
    const size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

/* What no optimiser moves: running statistics, and the confidence threshold of a head. */
static bool is_trained(const char *key)
{
    return !ends_in(key, ".running_mean") && !ends_in(key, ".running_var") && !ends_in(key, "num_batches_tracked") &&
           strcmp(key, "min_confidence");
}

static int count_weights(const char *path, double *count)
{
    int rc = OK;
    h5 *file = NULL;
    char **names = NULL;
    size_t number = 0;
    TRY(h5_open(path, &file));
    TRY(h5_list(file, "/weights", &names, &number));
    for (size_t i = 0; i < number; i++) {
        h5_about about;
        if (!is_trained(names[i])) continue;
        char *key = text_format("/weights/%s", names[i]);
        TRY_NEW(key);
        rc = h5_about_of(file, key, &about);
        free(key);
        if (rc) goto done;
        *count += (double)about.count;
    }
done:
    h5_names_free(names, number);
    h5_close(file);
    return rc;
}

/* Trained parameters, of the first fold that was tested; 0: it has no weights any more. */
static int count_parameters(const folder *f, double *count)
{
    int rc = OK;
    char *path = text_format("%s/Fold_%d/model.h5", f->path, f->first);
    *count = 0;
    TRY_NEW(path);
    if (file_exists(path)) TRY(count_weights(path, count));
done:
    free(path);
    return rc;
}

/* Over the folds; the deviation is that of a sample (n - 1), undefined of one fold. */
static void put_folds(cJSON *row, const folder *f, int k)
{
    double mean = 0, squares = 0;
    for (int i = 0; i < f->folds; i++) mean += f->value[k][i] / f->folds;
    for (int i = 0; i < f->folds; i++) squares += pow(f->value[k][i] - mean, 2);
    put_measure(row, f->table->column[k], mean, f->folds > 1 ? sqrt(squares / (f->folds - 1)) : NAN);
}

static int add_run(const char *path, cJSON *semantic_rows, cJSON *panoptic_rows)
{
    int rc = OK;
    double parameters = 0;
    char *name = NULL;
    folder *f = memory_new(1, sizeof *f);
    TRY_NEW(f);
    f->path = path;
    TRY(read_config(f));
    TRY(read_folds(f));
    TRY(count_parameters(f, &parameters));
    TRY_NEW(name = text_format("%s%s", model_title(f->model), model_head(f->model) ? " + PaPs" : ""));
    cJSON *row = new_row(name, path, parameters);
    cJSON_AddNumberToObject(row, "folds", f->folds);
    for (int k = 0; k < f->table->measures; k++) put_folds(row, f, k);
    insert(f->table == &panoptic ? panoptic_rows : semantic_rows, row, f->table);
done:
    if (f) model_free(f->model);
    free(f);
    free(name);
    return rc;
}

int furrow_leaderboard(const char *const *runs, int count, char **json)
{
    int rc = OK;
    cJSON *all = cJSON_CreateObject();
    cJSON *semantic_rows = cJSON_AddArrayToObject(all, semantic.name);
    cJSON *panoptic_rows = cJSON_AddArrayToObject(all, panoptic.name);
    *json = NULL;
    insert_published(semantic_rows, &semantic);
    insert_published(panoptic_rows, &panoptic);
    for (int i = 0; i < count; i++) TRY(add_run(runs[i], semantic_rows, panoptic_rows));
    rc = json_text(all, json);
    all = NULL;
done:
    cJSON_Delete(all);
    return rc;
}
