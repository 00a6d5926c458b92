/* furrow_train: one fold after the other, then the measures over all of them. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/tensor_file.h"
#include "run/fold.h"
#include "run/overall.h"
#include "run/weights_import.h"
#include "weights/checkpoint.h"
#include "weights/weights.h"
#include "weights/weights_fit.h"

static int compare(const session *s, const char *weights)
{
    model *m = NULL;
    int rc = model_new(s->model, s->where, &m);
    if (!rc) rc = weights_compare_positions(&s->set, m, weights);
    if (!rc) rc = weights_compare_classes(&s->set, weights);
    model_free(m);
    return rc;
}

static int write_config(const session *s)
{
    int rc = OK;
    cJSON *all = NULL;
    char *path = path_join(s->config.train.res_dir, "conf.json");
    TRY_NEW(path);
    TRY(config_resolved(&s->config, s->model, &all));
    TRY(json_write(path, all));
done:
    cJSON_Delete(all);
    free(path);
    return rc;
}

/* The forms that the run folder names, where we go on with a run or repeat one from its conf.json: the same forms give
 * the same bits. */
static int use_recorded_forms(const session *s, bool resumed)
{
    if (resumed) return forms_use(s, s->config.train.res_dir);
    const char *slash = strrchr(s->config.path, '/'), *name = slash ? slash + 1 : s->config.path;
    if (strcmp(name, "conf.json") != 0) return OK;
    char *folder = slash ? text_format("%.*s", (int)(slash - s->config.path), s->config.path) : text_copy(".");
    if (!folder) return FAILED;
    int rc = forms_use(s, folder);
    free(folder);
    return rc;
}

static int check_fold(const session *s, int fold)
{
    int rc = OK;
    fold_split split = {0};
    char *title = text_format("fold %d of %d", fold, s->config.train.kfold);
    TRY_NEW(title);
    TRY(samples_split(&s->set, &s->config.train, fold, &split));
    TRY(samples_split_check(&s->set, &split, title));
done:
    fold_split_free(&split);
    free(title);
    return rc;
}

/* Whether each fold can be trained is known before the first is. */
static int train_folds(session *s, const furrow_run_options *o, const weight_files *weights, cJSON *results)
{
    int rc = OK, kfold = s->config.train.kfold;
    int first = s->config.train.fold.present ? s->config.train.fold.value : 1;
    int last = s->config.train.fold.present ? first : kfold;
    for (int fold = first; fold <= last; fold++) TRY(check_fold(s, fold));
    for (int fold = first; fold <= last; fold++) {
        cJSON *result = NULL;
        TRY(fold_train(s, (fold_task){fold, weight_file_of(weights, fold), o->resume}, &result));
        json_append(results, result);
    }
done:
    return rc;
}

/* --resume with weights that others trained, in a folder where no run has begun: their Adam state becomes each fold's
 * last.h5, and resuming finds it there, now and after any interruption. */
static int take_over_one(const session *s, int fold, const char *weights)
{
    int rc = OK;
    int64_t step;
    cJSON *state = NULL;
    tensor_file *f = NULL;
    char *folder = text_format("%s/Fold_%d", s->config.train.res_dir, fold), *last = NULL;
    TRY_NEW(folder);
    TRY_NEW(last = path_join(folder, "last.h5"));
    TRY(checkpoint_peek(weights, NULL, &state));
    if (!cJSON_HasObjectItem(state, "imported") || file_exists(last)) goto done;
    TRY(tensor_file_open(weights, &f));
    if (!tensor_file_step(f, &step)) {
        const char *why = tensor_file_optimiser_note(f);
        log_warning("%s: no optimiser's state is taken over: %s; training starts from its weights", weights,
                    why ? why : "there is none");
        goto done;
    }
    TRY(folder_make(folder));
    TRY(weights_import(f, last));
done:
    tensor_file_close(f);
    cJSON_Delete(state);
    free(last);
    free(folder);
    return rc;
}

static int take_over(const session *s, const weight_files *weights)
{
    int rc = OK;
    char *begun = path_join(s->config.train.res_dir, "conf.json");
    TRY_NEW(begun);
    if (file_exists(begun)) goto done;
    const bool one = s->config.train.fold.present;
    const int first = one ? s->config.train.fold.value : 1, last = one ? first : s->config.train.kfold;
    for (int fold = first; fold <= last; fold++) {
        const char *path = weight_file_of(weights, fold);
        if (path) TRY(take_over_one(s, fold, path));
    }
done:
    free(begun);
    return rc;
}

static int summary(const session *s, cJSON *results, cJSON *overall, char **json)
{
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "res_dir", s->config.train.res_dir);
    cJSON_AddStringToObject(all, "samples_are", samples_noun(&s->set));
    json_add(all, "folds", results);
    json_add(all, "overall", overall);
    return json_text(all, json);
}

/* How the largest batch's training step is laid out in memory. */
static int plan(session *s, char **json)
{
    int rc = OK;
    network *w = NULL;
    TRY(session_network(s, 0, &w));
    const int samples = s->config.train.batch_size, longest = w->input.longest, frames = samples * longest;
    TRY(network_record(w, true, samples, frames, longest));
    const size_t other = network_fixed_bytes(w, frames);
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "samples_are", samples_noun(&s->set));
    cJSON_AddNumberToObject(all, "batch_size", samples);
    cJSON_AddNumberToObject(all, "dates", longest);
    cJSON_AddNumberToObject(all, "parts", w->layout.parts > 0 ? w->layout.parts : 1);
    cJSON *again = cJSON_AddArrayToObject(all, "recomputed");
    if (w->layout.recompute) json_append(again, cJSON_CreateString("first convolution"));
    cJSON_AddNumberToObject(all, "tape_bytes", (double)w->layout.bytes);
    cJSON_AddNumberToObject(all, "other_bytes", (double)other);
    cJSON_AddNumberToObject(all, "peak_bytes", (double)(w->layout.bytes + other));
    cJSON_AddNumberToObject(all, "limit_bytes",
                            (double)(w->memory_limit ? w->memory_limit : device_about(s->device)->global_memory));
    rc = json_text(all, json);
done:
    network_free(w);
    return rc;
}

int furrow_train(const furrow_run_options *o, char **json)
{
    int rc = OK;
    session s = {0};
    weight_files weights = {0};
    cJSON *results = cJSON_CreateArray(), *overall = NULL;
    *json = NULL;
    if (o->weights) TRY(weights_find(o->weights, 0, &weights));
    TRY(session_open(o, true, NULL, &s));
    if (o->weights) TRY(compare(&s, weights.path[0]));
    if (o->plan) {
        rc = plan(&s, json);
        goto done;
    }
    TRY(folder_make(s.config.train.res_dir));
    if (o->resume && o->weights) TRY(take_over(&s, &weights));
    TRY(use_recorded_forms(&s, o->resume));
    TRY(write_config(&s));
    TRY(train_folds(&s, o, &weights, results));
    TRY(overall_write(&s, &overall));
    rc = summary(&s, results, overall, json);
    results = overall = NULL;
done:
    cJSON_Delete(results);
    cJSON_Delete(overall);
    weights_free(&weights);
    session_close(&s);
    return rc;
}
