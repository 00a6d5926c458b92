#include "run/fold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "run/class_weights.h"
#include "run/epoch.h"
#include "run/fold_state.h"
#include "run/fold_timing.h"
#include "weights/checkpoint.h"
#include "weights/resume.h"

enum { LOG_BYTES_MAX = 256 << 20 };

/* A fold under way. */
typedef struct fold_run {
    session *s;
    int fold, epoch; /* epochs done */
    fold_split split;
    network *network;
    batches *batches;
    char *title; /* "fold 1 of 5" */
    cJSON *log;  /* trainlog.json: {"1": {...}, ...} */
    cJSON *timing;
    int best_epoch;
    double best; /* score_value; negative: none yet */
    double loss; /* of the last epoch; negative: none yet */
} fold_run;

uint64_t fold_seed(const session *s, int fold)
{
    const uint64_t parts[2] = {(uint64_t)s->config.train.rdm_seed, (uint64_t)fold};
    return hash_bytes(HASH_START, parts, sizeof parts);
}

char *fold_path(const session *s, int fold, const char *file)
{
    const char *between = file ? "/" : "";
    return text_format("%s/Fold_%d%s%s", s->config.train.res_dir, fold, between, file ? file : "");
}

/* ---- state ------------------------------------------------------------------------------------------------------- */

static int state_of(const fold_run *r, cJSON **out)
{
    return fold_state_new(r->s, r->network, (fold_progress){r->fold, r->epoch, r->best_epoch, r->best}, out);
}

/* The best epoch's weights. */
static int save_best(const fold_run *r)
{
    int rc = OK;
    cJSON *state = NULL;
    char *path = fold_path(r->s, r->fold, "model.h5");
    TRY_NEW(path);
    TRY(state_of(r, &state));
    TRY(checkpoint_save(path, NULL, r->network, state, false));
done:
    cJSON_Delete(state);
    free(path);
    return rc;
}

static int save_last(const fold_run *r)
{
    int rc = OK;
    cJSON *state = NULL;
    char *folder = fold_path(r->s, r->fold, NULL);
    TRY_NEW(folder);
    TRY(state_of(r, &state));
    TRY(resume_save(folder, r->network, state));
done:
    cJSON_Delete(state);
    free(folder);
    return rc;
}

static int write_json(const fold_run *r, const char *file, const cJSON *value)
{
    char *path = fold_path(r->s, r->fold, file);
    if (!path) return FAILED;
    int rc = json_write(path, value);
    free(path);
    return rc;
}

/* ---- start and resume -------------------------------------------------------------------------------------------- */

/* A log may be ahead of the checkpoint by the epoch that was interrupted between the two. */
static int read_log(fold_run *r)
{
    int rc = OK;
    char *path = fold_path(r->s, r->fold, "trainlog.json");
    cJSON *old = NULL;
    TRY_NEW(path);
    TRY(json_read(path, LOG_BYTES_MAX, &old));
    for (int e = 1; e <= r->epoch; e++) {
        char key[16];
        snprintf(key, sizeof key, "%d", e);
        cJSON *entry = cJSON_DetachItemFromObjectCaseSensitive(old, key);
        if (entry) json_add(r->log, key, entry);
    }
done:
    cJSON_Delete(old);
    free(path);
    return rc;
}

/* What others trained (`weights import`) goes on under the settings that are here now; it has no log, and no best. */
static int resume_imported(const fold_run *r)
{
    if (r->epoch >= r->s->config.train.epochs)
        return fail(USAGE, "%s: the imported weights have done %d epochs; wanted train.epochs to be more, it is %d",
                    r->title, r->epoch, r->s->config.train.epochs);
    log_note("%s: goes on after epoch %d of imported weights, with their optimiser's state", r->title, r->epoch);
    return OK;
}

static int resume(fold_run *r)
{
    int rc = OK;
    char settings[17], *folder = fold_path(r->s, r->fold, NULL);
    resumed found = {.best = -1};
    TRY_NEW(folder);
    TRY(fold_state_settings(r->s, settings));
    TRY(resume_load(folder, settings, r->network, &found));
    r->epoch = found.epoch;
    if (found.imported) {
        rc = resume_imported(r);
        goto done;
    }
    r->best_epoch = found.best_epoch;
    r->best = found.best;
    if (!r->epoch) goto done;
    TRY(read_log(r));
    log_note("%s: resumed after epoch %d", r->title, r->epoch);
done:
    free(folder);
    return rc;
}

/* What an earlier run left in this fold's folder must not be taken for this run's. */
static int clear_folder(const fold_run *r)
{
    static const char *const files[] = {"last.h5",           "previous.h5",  "model.h5",        "trainlog.json",
                                        "test_metrics.json", "conf_mat.npy", "test_tables.npy", "timing.json"};
    bool any = false;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = fold_path(r->s, r->fold, files[i]);
        if (!path) return FAILED;
        if (file_exists(path)) any = unlink(path) == 0 || any;
        free(path);
    }
    if (any)
        log_warning("%s: an earlier run in %s is replaced (--resume goes on with one)", r->title,
                    r->s->config.train.res_dir);
    return OK;
}

static int start(fold_run *r, fold_task task)
{
    int rc = OK;
    char *folder = fold_path(r->s, r->fold, NULL), *timing = NULL;
    TRY_NEW(folder);
    TRY(folder_make(folder));
    TRY(folder_clear_temporaries(folder));
    TRY(samples_split(&r->s->set, &r->s->config.train, r->fold, &r->split));
    TRY(session_network(r->s, fold_seed(r->s, r->fold), &r->network));
    TRY(class_weights_apply(r->s, &r->split, r->title, r->network));
    TRY(network_optimiser(r->network));
    TRY(session_batches(r->s, &r->batches));
    if (task.resume) TRY(resume(r));
    if (task.weights && r->epoch == 0) TRY(checkpoint_load(task.weights, r->network, CHECKPOINT_FINE_TUNE));
    if (!task.resume) TRY(clear_folder(r)); /* now: the weights may lie in this folder */
    TRY_NEW(timing = fold_path(r->s, r->fold, "timing.json"));
    TRY(fold_timing_new(r->network, task.resume ? timing : NULL, r->epoch, &r->timing));
done:
    free(folder);
    free(timing);
    return rc;
}

/* ---- epochs ------------------------------------------------------------------------------------------------------ */

static int evaluate(const fold_run *r, const uint32_t *order, int count, score *out)
{
    const ensemble present = {.network = r->network};
    const batches_pass pass = {.order = order, .count = count, .batch_size = session_eval_batch(r->s), .labels = true};
    int rc = score_new(&r->s->config, r->network, out);
    if (!rc) rc = infer(&present, r->batches, pass, NULL, score_take, out);
    if (!rc) score_end(out);
    return rc;
}

static bool is_validated(const train_options *t, int epoch)
{
    return epoch == t->epochs || (epoch > t->val_after && epoch > t->warmup && epoch % t->val_every == 0);
}

/* The threshold that the masks of this validation call for, stored with the weights; the next pass goes by it. */
static int tune_confidence(fold_run *r, const parcel_score *validation, cJSON *entry)
{
    double f1;
    const float threshold = (float)confidence_best(&validation->confidences, &f1);
    if (f1 <= 0) return OK; /* nothing was found right: nothing to tune by */
    net *n = r->network->net;
    cJSON_AddNumberToObject(entry, "val_min_confidence", (double)threshold);
    cJSON_AddNumberToObject(entry, "val_confidence_f1", f1);
    return net_parameter_write(n, net_parameter_find(n, PAPS_MIN_CONFIDENCE), &threshold);
}

/* The published rule: a tie goes to the later epoch. */
static int validate(fold_run *r, cJSON *entry)
{
    int rc = OK;
    score validation = {0};
    TRY(evaluate(r, r->split.validation, r->split.validation_count, &validation));
    score_put(&validation, "val", entry);
    if (validation.parcels && r->s->config.train.autotune) TRY(tune_confidence(r, validation.parcels, entry));
    const double value = score_value(&validation);
    if (!(value < r->best)) {
        r->best = isnan(value) ? -1 : value;
        r->best_epoch = r->epoch;
        TRY(save_best(r));
    }
done:
    score_free(&validation);
    return rc;
}

/* The published MultiStepLR: after each milestone the rate is multiplied once more. */
static float learning_rate(const train_options *t, int epoch)
{
    double rate = t->lr;
    for (int i = 0; i < t->lr_milestones.count; i++)
        if (epoch > t->lr_milestones.value[i]) rate *= t->lr_decay;
    return (float)rate;
}

static int one_epoch(fold_run *r)
{
    int rc = OK;
    const train_options *t = &r->s->config.train;
    score learning = {0};
    epoch_timing took = {.trained = r->split.train_count};
    char key[16];
    cJSON *entry = cJSON_CreateObject();
    epoch_task task = {
        .network = r->network,
        .batches = r->batches,
        .config = &r->s->config,
        .train = r->split.train,
        .count = r->split.train_count,
        .epoch = r->epoch + 1,
        .epochs = t->epochs,
        .seed = fold_seed(r->s, r->fold),
        .title = r->title,
        .best = r->best,
        .last_loss = r->loss,
    };
    r->network->adam.learning_rate = learning_rate(t, task.epoch);
    r->network->heatmap_only = task.epoch <= t->warmup;
    took.train_seconds = -seconds_now();
    TRY(epoch_train(&task, &learning));
    took.train_seconds += seconds_now();
    r->network->heatmap_only = false;
    took.epoch = ++r->epoch;
    r->loss = learning.loss;
    score_put(&learning, "train", entry);
    if (is_validated(t, r->epoch)) {
        took.validated = r->split.validation_count;
        took.val_seconds = -seconds_now();
        TRY(validate(r, entry));
        took.val_seconds += seconds_now();
    }
    fold_timing_add(r->timing, r->network, t->batch_size, took);
    snprintf(key, sizeof key, "%d", r->epoch);
    json_add(r->log, key, entry);
    entry = NULL;
    TRY(forms_record(r->s, r->s->config.train.res_dir)); /* before last.h5: a resumed run knows what it used */
    TRY(write_json(r, "trainlog.json", r->log));
    TRY(write_json(r, "timing.json", r->timing));
    TRY(save_last(r));
done:
    cJSON_Delete(entry);
    score_free(&learning);
    return rc;
}

/* Why training stopped, and what is left of it. */
static int stopped(const fold_run *r, int code)
{
    char *reason = text_copy(error_message());
    if (!reason) return code;
    if (r->epoch == 0)
        fail(code, "%s; there is no checkpoint yet", reason);
    else
        fail(code, "%s; %s/Fold_%d/last.h5 keeps epoch %d", reason, r->s->config.train.res_dir, r->fold, r->epoch);
    free(reason);
    return code;
}

/* ---- test -------------------------------------------------------------------------------------------------------- */

static void tell(const fold_run *r, const score *tested)
{
    char validated[IOU_TEXT], found[IOU_TEXT];
    const char *name = score_value_name(tested);
    if (tested->parcels)
        log_note("%s: best epoch %d, validation PQ %s; test PQ %s", r->title, r->best_epoch,
                 iou_text(r->best, false, validated), iou_text(score_value(tested), false, found));
    else
        log_note("%s: best epoch %d, validation %s %s; test accuracy %.2f %%, %s %s", r->title, r->best_epoch, name,
                 iou_text(r->best, tested->percent, validated), score_accuracy(tested), name,
                 iou_text(score_value(tested), tested->percent, found));
}

static int test(fold_run *r, cJSON **result)
{
    int rc = OK;
    score tested = {0};
    cJSON *metrics = cJSON_CreateObject();
    char *best = fold_path(r->s, r->fold, "model.h5"), *table = fold_path(r->s, r->fold, score_table(&r->s->config));
    TRY_NEW(best);
    TRY_NEW(table);
    TRY(checkpoint_load(best, r->network, CHECKPOINT_WEIGHTS));
    TRY(evaluate(r, r->split.test, r->split.test_count, &tested));
    score_put(&tested, "test", metrics);
    TRY(score_save(&tested, table));
    TRY(write_json(r, "test_metrics.json", metrics));
    tell(r, &tested);
    *result = cJSON_CreateObject();
    cJSON_AddNumberToObject(*result, "fold", r->fold);
    cJSON_AddNumberToObject(*result, "best_epoch", r->best_epoch);
    json_add(*result, tested.parcels ? "val_PQ" : "val_IoU",
             metric_json(r->best < 0 ? metric_undefined() : r->best * (tested.percent ? 100 : 1)));
    score_put(&tested, "test", *result);
done:
    score_free(&tested);
    cJSON_Delete(metrics);
    free(best);
    free(table);
    return rc;
}

static void fold_run_free(fold_run *r)
{
    fold_split_free(&r->split);
    batches_free(r->batches);
    network_free(r->network);
    cJSON_Delete(r->log);
    cJSON_Delete(r->timing);
    free(r->title);
}

int fold_train(session *s, fold_task task, cJSON **result)
{
    int rc = OK;
    fold_run r = {.s = s, .fold = task.fold, .best = -1, .loss = -1, .log = cJSON_CreateObject()};
    TRY_NEW(r.title = text_format("fold %d of %d", task.fold, s->config.train.kfold));
    TRY(start(&r, task));
    while (r.epoch < s->config.train.epochs) {
        rc = one_epoch(&r);
        if (rc) {
            rc = stopped(&r, rc);
            goto done;
        }
    }
    TRY(test(&r, result));
done:
    fold_run_free(&r);
    return rc;
}
