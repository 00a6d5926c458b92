/* furrow_predict: every sample's classes and probabilities, from one checkpoint or the mean of several folds'. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "run/attention_log.h"
#include "run/prediction.h"
#include "weights/checkpoint.h"

int prediction_probabilities(const prediction *r, const inference *i, double *p)
{
    const int each = samples_rows(&r->s.set);
    for (int k = 0; k < i->rows; k++) {
        const size_t at = (size_t)k * (size_t)i->classes;
        if (!probabilities_of(i->log_p + at, i->classes, p + at))
            return fail(FAILED,
                        "%s: the network's output is not a finite number; the weights or the normalisation do not fit "
                        "these data",
                        samples_id(&r->s.set, (int)i->batch->sample[k / each]));
    }
    return OK;
}

int prediction_run(prediction *p, bool labels, int (*take)(void *user, const inference *i), void *user)
{
    int rc = OK;
    uint32_t *order = memory_new((size_t)p->count, sizeof *order);
    TRY_NEW(order);
    for (int i = 0; i < p->count; i++) order[i] = (uint32_t)i;
    const batches_pass pass = {.order = order,
                               .count = p->count,
                               .batch_size = session_eval_batch(&p->s),
                               .labels = labels && samples_classes(&p->s.set) > 0};
    TRY(infer(&p->networks, p->batches, pass, "predict", take, user));
done:
    free(order);
    return rc;
}

int prediction_save_patches(const prediction *p, const char *path, const char *counted, cJSON *entries)
{
    cJSON *all = cJSON_CreateObject(), *classes = cJSON_AddArrayToObject(all, "classes");
    for (int k = 0; k < p->classes; k++) {
        char colour[8];
        cJSON *entry = cJSON_CreateObject();
        snprintf(colour, sizeof colour, "#%06x", (unsigned)patches_class_colour(p->s.set.images, k) & 0xffffffu);
        cJSON_AddStringToObject(entry, "name", p->names[k]);
        cJSON_AddStringToObject(entry, "colour", colour);
        cJSON_AddNumberToObject(entry, counted, (double)p->tally[k]);
        json_append(classes, entry);
    }
    cJSON_AddItemReferenceToObject(all, "patches", entries);
    int rc = json_write(path, all);
    cJSON_Delete(all);
    return rc;
}

/* The network, with the weights of all folds; the names of its outputs are the first one's. */
static int load(prediction *r)
{
    int rc = OK;
    network *w = NULL;
    cJSON *state = NULL;
    TRY(session_network(&r->s, 0, &w));
    r->networks.network = w;
    r->classes = model_classes(w->model);
    TRY(checkpoint_peek(r->weights.path[0], NULL, &state));
    TRY(class_names(&r->s, state, r->classes, &r->names));
    TRY_NEW(r->tally = memory_new((size_t)r->classes, sizeof *r->tally));
    for (int i = 0; i < r->weights.count; i++) {
        TRY(checkpoint_load(r->weights.path[i], w, CHECKPOINT_WEIGHTS));
        TRY(ensemble_add(&r->networks));
    }
    if (w->head && r->weights.count > 1)
        rc = fail(USAGE, "parcels found by %d folds have no mean; wanted one of them: --fold K", r->weights.count);
    else if (r->weights.count > 1)
        log_note("the mean of %d folds' log-probabilities", r->weights.count);
done:
    cJSON_Delete(state);
    return rc;
}

static int summary(const prediction *r, cJSON *all, char **json)
{
    cJSON_AddNumberToObject(all, "networks", r->weights.count);
    if (!cJSON_HasObjectItem(all, "samples_are")) cJSON_AddStringToObject(all, "samples_are", samples_noun(&r->s.set));
    cJSON_AddStringToObject(all, "counted", r->s.config.head ? "parcels" : samples_rows_noun(&r->s.set));
    cJSON *tally = cJSON_AddObjectToObject(all, "classes");
    for (int k = 0; k < r->classes; k++) cJSON_AddNumberToObject(tally, r->names[k], (double)r->tally[k]);
    return json_text(all, json);
}

/* What is asked of whole images must mean something for the network. */
static int scenes_check(const furrow_run_options *o, const run_config *c)
{
    if (!o->scenes) return OK;
    if (c->kind != MODEL_DENSE || o->attention)
        return fail(USAGE, "maps of whole images are made by networks for images, without attention (of pixel sets: "
                           "--parcels)");
    if (o->tolerance > 0 && !c->head)
        return fail(USAGE, "--tolerance is about outlines of parcels, which a network without a head does not find");
    return OK;
}

int furrow_predict(const furrow_run_options *o, char **json)
{
    int rc = OK;
    prediction r = {.folder = o->out, .tolerance = o->tolerance};
    cJSON *all = cJSON_CreateObject();
    *json = NULL;
    if (!o->weights || !o->out) {
        rc = fail(USAGE, "predict needs weights and a folder to write into");
        goto done;
    }
    TRY(weights_find(o->weights, o->fold, &r.weights));
    TRY(session_open(o, false, r.weights.path[0], &r.s));
    TRY(scenes_check(o, &r.s.config));
    r.count = samples_count(&r.s.set);
    TRY(folder_make(o->out)); /* before the work: a bad path is said at once */
    TRY(load(&r));
    if (!o->scenes) TRY(session_batches(&r.s, &r.batches));
    if (o->attention) TRY(attention_log_new(&r, &r.attention));
    if (o->scenes)
        TRY(predict_scenes(&r, o->scenes, all));
    else if (r.s.config.head)
        TRY(predict_panoptic(&r, all));
    else
        TRY(r.s.config.kind == MODEL_DENSE ? predict_patches(&r, all) : predict_parcels(&r, all));
    if (r.attention) TRY(attention_log_finish(r.attention, all));
    rc = summary(&r, all, json);
    all = NULL;
done:
    cJSON_Delete(all);
    attention_log_free(r.attention);
    batches_free(r.batches);
    ensemble_free(&r.networks);
    network_free(r.networks.network);
    names_free(r.names, r.classes);
    free(r.tally);
    weights_free(&r.weights);
    session_close(&r.s);
    return rc;
}
