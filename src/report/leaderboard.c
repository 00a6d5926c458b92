/* furrow_leaderboard: run folders as rows of PASTIS's two tables, beside the rows that are published there (the data set's
 * readme, github.com/VSainteuf/pastis-benchmark). Only what the folders hold is read: no device, no pack. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/schema.h"
#include "furrow.h"
#include "report/run_folder.h"
#include "run/session.h"

enum { MEASURES = 3 };

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

/* cJSON_InsertItemInArray of 1.7.15 as Debian 12 has it takes no place but the first: those behind are moved behind. */
static void insert(cJSON *rows, cJSON *row, const table *t)
{
    const int count = cJSON_GetArraySize(rows);
    int at = 0;
    const cJSON *other;
    cJSON_ArrayForEach(other, rows) at += merit(other, t) >= merit(row, t);
    json_append(rows, row);
    for (int i = at; i < count; i++) json_append(rows, cJSON_DetachItemFromArray(rows, at));
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

typedef struct tested_run {
    run_folder folder;
    const table *table;
    int folds; /* that have been tested */
    int first; /* one of them */
    double value[MEASURES][RUN_FOLDS_MAX];
} tested_run;

static int choose_table(tested_run *r)
{
    const model *m = r->folder.model;
    if (model_kind_of(m) != MODEL_DENSE)
        return fail(USAGE, "%s/conf.json: %s is for parcels; the tables are of networks for image patches",
                    r->folder.path, model_title(m));
    r->table = model_head(m) ? &panoptic : &semantic;
    return OK;
}

static int read_fold(tested_run *r, int fold)
{
    int rc = OK;
    cJSON *metrics = NULL;
    char *path = run_folder_path(&r->folder, fold, "test_metrics.json");
    TRY_NEW(path);
    TRY(run_folder_read(&r->folder, fold, "test_metrics.json", &metrics));
    if (!metrics) goto done;
    for (int k = 0; k < r->table->measures; k++) {
        double *value = &r->value[k][r->folds];
        TRY(run_measure(metrics, path, r->table->key[k], value));
        *value *= r->table->scale;
    }
    if (!r->folds++) r->first = fold;
done:
    cJSON_Delete(metrics);
    free(path);
    return rc;
}

static int read_folds(tested_run *r)
{
    int rc = OK;
    for (int fold = 1; fold <= RUN_FOLDS_MAX; fold++) TRY(read_fold(r, fold));
    if (!r->folds)
        rc = fail(FAILED, "%s has no Fold_k/test_metrics.json: no fold of it has been tested", r->folder.path);
done:
    return rc;
}

static int add_run(const char *path, cJSON *semantic_rows, cJSON *panoptic_rows)
{
    int rc = OK;
    double parameters = 0;
    char *name = NULL;
    tested_run *r = memory_new(1, sizeof *r);
    TRY_NEW(r);
    TRY(run_folder_open(path, &r->folder));
    TRY(choose_table(r));
    TRY(read_folds(r));
    TRY(run_folder_parameters(&r->folder, r->first, &parameters));
    TRY_NEW(name = run_folder_title(&r->folder));
    cJSON *row = new_row(name, path, parameters);
    cJSON_AddNumberToObject(row, "folds", r->folds);
    for (int k = 0; k < r->table->measures; k++) {
        const mean_deviation over = mean_deviation_of(r->value[k], r->folds);
        put_measure(row, r->table->column[k], over.mean, over.deviation);
    }
    insert(r->table == &panoptic ? panoptic_rows : semantic_rows, row, r->table);
done:
    if (r) run_folder_close(&r->folder);
    free(r);
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
