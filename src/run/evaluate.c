/* furrow_eval: each fold's weights on that fold's part of the set, or all folds' weights averaged on the whole set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/infer.h"
#include "run/fold.h"
#include "weights/checkpoint.h"
#include "weights/weights.h"

typedef struct evaluation {
    session s;
    weight_files weights;
    batches *batches;
    network *network;
    int classes;
    score sum;
    cJSON *folds; /* [{"fold", "weights", "samples", "test_accuracy", ...}] */
} evaluation;

/* The weights' outputs stand for classes; they must be the set's. */
static int check_classes(const evaluation *e, const cJSON *state, const char *path)
{
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(state, "classes");
    const int known = samples_classes(&e->s.set); /* outputs beyond them stand for nothing here */
    if (!cJSON_IsArray(names)) return OK;
    for (int k = 0; k < e->classes && k < known; k++) {
        const cJSON *name = cJSON_GetArrayItem(names, k);
        const char *there = samples_class_name(&e->s.set, k);
        if (cJSON_IsString(name) && strcmp(name->valuestring, there) == 0) continue;
        return fail(FAILED,
                    "%s: output %d stands for class %s, the set's class %d is %s; wanted the nomenclature and "
                    "data.sub_classes of the training",
                    path, k, cJSON_IsString(name) ? name->valuestring : "(none)", k, there);
    }
    return OK;
}

/* Loads a checkpoint into the network. */
static int load(evaluation *e, const char *path)
{
    int rc = OK;
    cJSON *state = NULL;
    TRY(checkpoint_peek(path, NULL, &state));
    TRY(check_classes(e, state, path));
    TRY(checkpoint_load(path, e->network, CHECKPOINT_WEIGHTS));
done:
    cJSON_Delete(state);
    return rc;
}

static void add_result(evaluation *e, const score *result, int fold, const char *path, int count)
{
    cJSON *entry = cJSON_CreateObject();
    if (fold) cJSON_AddNumberToObject(entry, "fold", fold);
    cJSON_AddStringToObject(entry, "weights", path);
    cJSON_AddNumberToObject(entry, "samples", count);
    score_put(result, "test", entry);
    json_append(e->folds, entry);
    score_add(&e->sum, result);
}

/* Runs the weights over the samples and adds the result. fold 0: all of the set. */
static int score_samples(evaluation *e, const ensemble *weights, const uint32_t *order, int count, int fold,
                         const char *path)
{
    int rc = OK;
    score result = {0};
    const batches_pass pass = {.order = order, .count = count, .batch_size = session_eval_batch(&e->s), .labels = true};
    TRY(score_new(&e->s.config, e->network, &result));
    TRY(infer(weights, e->batches, pass, path, score_take, &result));
    score_end(&result);
    if (!isfinite(result.loss)) {
        rc = fail(FAILED,
                  "%s: the network's output is not a finite number; the weights or the normalisation do not fit these "
                  "data",
                  path);
        goto done;
    }
    add_result(e, &result, fold, path, count);
done:
    score_free(&result);
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
                  "--set eval.subset=all for all of the set",
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
    const uint32_t *order;
    fold_split split = {0};
    const ensemble present = {.network = e->network};
    TRY(samples_split(&e->s.set, &e->s.config.train, fold, &split));
    choose(&split, e->s.config.eval.subset, &order, &count);
    if (!count) {
        rc = fail(FAILED, "fold %d has no %s in its %s part", fold, samples_noun(&e->s.set), e->s.config.eval.subset);
        goto done;
    }
    TRY(load(e, path));
    TRY(score_samples(e, &present, order, count, fold, path));
done:
    fold_split_free(&split);
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
    int rc = OK, count = samples_count(&e->s.set);
    ensemble folds = {.network = e->network};
    uint32_t *order = memory_new((size_t)count, sizeof *order);
    TRY_NEW(order);
    for (int i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (int i = 0; i < e->weights.count; i++) {
        TRY(load(e, e->weights.path[i]));
        TRY(ensemble_add(&folds));
    }
    if (e->weights.count > 1) log_note("the mean of %d folds' log-probabilities", e->weights.count);
    TRY(score_samples(e, &folds, order, count, 0, name));
done:
    ensemble_free(&folds);
    free(order);
    return rc;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

/* What is measured over all samples, without the void class. */
static void put_measures(const evaluation *e, const char *const *names, cJSON *all)
{
    if (e->sum.parcels) {
        cJSON_AddNumberToObject(all, "samples", (double)e->sum.parcels->measured);
        json_add(all, "panoptic", panoptic_metrics_json(e->sum.parcels->metrics, names));
        return;
    }
    const confusion *sum = score_measured(&e->sum);
    cJSON_AddNumberToObject(all, "samples", (double)confusion_total(sum));
    json_add(all, "accuracy", metric_json(confusion_accuracy(sum)));
    json_add(all, "mIoU", metric_json(confusion_mean_iou(sum)));
    json_add(all, "overall", confusion_overall(sum));
    json_add(all, "classes", cJSON_CreateStringArray(names, e->classes));
    json_add(all, "per_class", confusion_per_class(sum, names));
    json_add(all, "confusion_matrix", confusion_rows(sum));
}

static int results(evaluation *e, char **json)
{
    char **names = NULL;
    int rc = class_names(&e->s, NULL, e->classes + 1, &names); /* a head may count one class more, of void pixels */
    if (rc) return rc;
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "subset", e->s.config.eval.subset);
    cJSON_AddStringToObject(all, "samples_are", samples_noun(&e->s.set));
    cJSON_AddStringToObject(all, "counted", e->sum.parcels ? "patches" : samples_rows_noun(&e->s.set));
    json_add(all, "folds", e->folds);
    e->folds = NULL;
    put_measures(e, (const char *const *)names, all);
    names_free(names, e->classes + 1);
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
    TRY(session_network(&e.s, 0, &e.network));
    e.classes = model_classes(e.network->model);
    TRY(score_new(&e.s.config, e.network, &e.sum));
    TRY(session_batches(&e.s, &e.batches));
    bool all = strcmp(e.s.config.eval.subset, "all") == 0;
    TRY(all ? evaluate_all(&e, o->weights) : evaluate_folds(&e));
    TRY(results(&e, json));
done:
    cJSON_Delete(e.folds);
    score_free(&e.sum);
    batches_free(e.batches);
    network_free(e.network);
    weights_free(&e.weights);
    session_close(&e.s);
    return rc;
}
