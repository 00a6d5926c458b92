/* furrow_eval: each fold's weights on that fold's part of the set, or all folds' weights averaged on the whole set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "run/checkpoint.h"
#include "run/fold.h"
#include "run/infer.h"
#include "run/weights.h"

typedef struct evaluation {
    session s;
    weight_files weights;
    feed *feed;
    int classes;
    confusion sum;
    cJSON *folds; /* [{"fold", "weights", "samples", "test_accuracy", ...}] */
} evaluation;

static int batch_size(const run_config *c)
{
    return c->eval.batch_size.present ? c->eval.batch_size.value : c->train.batch_size;
}

/* The weights' outputs stand for classes; they must be the set's. */
static int check_classes(const evaluation *e, const cJSON *state, const char *path)
{
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(state, "classes");
    if (!cJSON_IsArray(names)) return OK;
    for (int k = 0; k < e->classes; k++) {
        const cJSON *name = cJSON_GetArrayItem(names, k);
        const char *there = pixelset_class_name(e->s.set, k);
        if (cJSON_IsString(name) && strcmp(name->valuestring, there) == 0) continue;
        return fail(FAILED,
                    "%s: output %d stands for class %s, the set's class %d is %s; wanted the nomenclature and "
                    "data.sub_classes of the training",
                    path, k, cJSON_IsString(name) ? name->valuestring : "(none)", k, there);
    }
    return OK;
}

/* Runs one checkpoint over the samples; adds its log-probabilities to sum. */
static int run_weights(evaluation *e, const char *path, const uint32_t *order, int count, double *sum)
{
    int rc = OK;
    network *w = NULL;
    cJSON *state = NULL;
    TRY(checkpoint_peek(path, NULL, &state));
    TRY(check_classes(e, state, path));
    TRY(session_network(&e->s, 0, &w));
    TRY(checkpoint_load(path, w, CHECKPOINT_WEIGHTS));
    TRY(infer_add(w, e->feed, order, count, batch_size(&e->s.config), path, sum));
done:
    network_free(w);
    cJSON_Delete(state);
    return rc;
}

static int add_result(evaluation *e, const score *result, int fold, const char *path, int count)
{
    cJSON *entry = cJSON_CreateObject();
    if (fold) cJSON_AddNumberToObject(entry, "fold", fold);
    cJSON_AddStringToObject(entry, "weights", path);
    cJSON_AddNumberToObject(entry, "samples", count);
    score_put(result, "test", entry);
    cJSON_AddItemToArray(e->folds, entry);
    confusion_add(&e->sum, &result->confusion);
    return OK;
}

static int score_into(evaluation *e, const uint32_t *order, int count, const double *log_p, int fold, const char *path)
{
    score result = {0};
    int rc = score_samples(e->s.set, order, count, e->classes, log_p, e->s.config.train.gamma, &result);
    if (!rc && !isfinite(result.loss))
        rc = fail(FAILED,
                  "%s: the network's output is not a finite number; the weights or the normalisation do not fit these "
                  "data",
                  path);
    if (!rc) rc = add_result(e, &result, fold, path, count);
    confusion_free(&result.confusion);
    return rc;
}

/* ---- one fold ---------------------------------------------------------------------------------------------------- */

/* Which fold a checkpoint that stands for itself belongs to: as asked for, else as it says itself. */
static int fold_of(const evaluation *e, const char *path, int *fold)
{
    const train_options *t = &e->s.config.train;
    cJSON *state = NULL;
    if (t->fold.present) {
        *fold = t->fold.value;
        return OK;
    }
    int rc = checkpoint_peek(path, NULL, &state);
    if (rc) return rc;
    const cJSON *of = cJSON_GetObjectItemCaseSensitive(state, "fold");
    const cJSON *kfold = cJSON_GetObjectItemCaseSensitive(state, "kfold");
    const cJSON *seed = cJSON_GetObjectItemCaseSensitive(state, "rdm_seed");
    bool same = cJSON_IsNumber(of) && cJSON_IsNumber(kfold) && cJSON_IsNumber(seed) && kfold->valueint == t->kfold &&
                seed->valueint == t->rdm_seed;
    if (same)
        *fold = of->valueint;
    else
        rc = fail(USAGE,
                  "%s does not say which fold of this split it was trained on; wanted --fold K, or "
                  "--set eval.subset=all for all parcels",
                  path);
    cJSON_Delete(state);
    return rc;
}

static void choose(const fold_split *split, const char *subset, const uint32_t **order, int *count)
{
    *order = split->test;
    *count = split->test_count;
    if (strcmp(subset, "validation") == 0) {
        *order = split->validation;
        *count = split->validation_count;
    } else if (strcmp(subset, "train") == 0) {
        *order = split->train;
        *count = split->train_count;
    }
}

static int evaluate_fold(evaluation *e, const char *path, int fold)
{
    int rc = OK, count;
    const train_options *t = &e->s.config.train;
    const uint32_t *order;
    fold_split split = {0};
    double *log_p = NULL;
    TRY(fold_split_new(pixelset_count(e->s.set), t->kfold, fold, (uint32_t)t->rdm_seed, &split));
    choose(&split, e->s.config.eval.subset, &order, &count);
    TRY_NEW(log_p = memory_new((size_t)count * (size_t)e->classes, sizeof *log_p));
    TRY(run_weights(e, path, order, count, log_p));
    TRY(score_into(e, order, count, log_p, fold, path));
done:
    fold_split_free(&split);
    free(log_p);
    return rc;
}

static int evaluate_folds(evaluation *e)
{
    int rc = OK;
    for (int i = 0; i < e->weights.count; i++) {
        int fold = e->weights.fold[i];
        if (!fold) TRY(fold_of(e, e->weights.path[i], &fold));
        TRY(evaluate_fold(e, e->weights.path[i], fold));
    }
done:
    return rc;
}

/* ---- the whole set ----------------------------------------------------------------------------------------------- */

static int evaluate_all(evaluation *e, const char *name)
{
    int rc = OK, count = pixelset_count(e->s.set);
    size_t cells = (size_t)count * (size_t)e->classes;
    uint32_t *order = memory_new((size_t)count, sizeof *order);
    double *log_p = NULL;
    TRY_NEW(order);
    TRY_NEW(log_p = memory_new(cells, sizeof *log_p));
    for (int i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (int i = 0; i < e->weights.count; i++) TRY(run_weights(e, e->weights.path[i], order, count, log_p));
    for (size_t i = 0; i < cells; i++) log_p[i] /= e->weights.count;
    if (e->weights.count > 1) log_note("the mean of %d folds' log-probabilities", e->weights.count);
    TRY(score_into(e, order, count, log_p, 0, name));
done:
    free(order);
    free(log_p);
    return rc;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static int results(evaluation *e, char **json)
{
    char **names = NULL;
    int rc = class_names(&e->s, NULL, e->classes, &names);
    if (rc) return rc;
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "subset", e->s.config.eval.subset);
    cJSON_AddItemToObject(all, "folds", e->folds);
    e->folds = NULL;
    cJSON_AddNumberToObject(all, "samples", (double)confusion_total(&e->sum));
    cJSON_AddItemToObject(all, "accuracy", metric_json(confusion_accuracy(&e->sum)));
    cJSON_AddItemToObject(all, "mIoU", metric_json(confusion_mean_iou(&e->sum)));
    cJSON_AddItemToObject(all, "overall", confusion_overall(&e->sum));
    cJSON_AddItemToObject(all, "classes", cJSON_CreateStringArray((const char *const *)names, e->classes));
    cJSON_AddItemToObject(all, "per_class", confusion_per_class(&e->sum, (const char *const *)names));
    cJSON_AddItemToObject(all, "confusion_matrix", confusion_rows(&e->sum));
    names_free(names, e->classes);
    return json_text(all, json);
}

int furrow_eval(const furrow_run_options *o, char **json)
{
    int rc = OK;
    evaluation e = {.folds = cJSON_CreateArray()};
    *json = NULL;
    if (!o->weights) {
        rc = fail(USAGE, "eval needs weights");
        goto done;
    }
    TRY(weights_find(o->weights, o->fold, &e.weights));
    TRY(session_open(o, true, e.weights.path[0], &e.s));
    e.classes = pixelset_classes(e.s.set);
    TRY(confusion_new(e.classes, &e.sum));
    TRY(session_feed(&e.s, &e.feed));
    bool all = strcmp(e.s.config.eval.subset, "all") == 0;
    TRY(all ? evaluate_all(&e, o->weights) : evaluate_folds(&e));
    TRY(results(&e, json));
done:
    cJSON_Delete(e.folds);
    confusion_free(&e.sum);
    feed_free(e.feed);
    weights_free(&e.weights);
    session_close(&e.s);
    return rc;
}
