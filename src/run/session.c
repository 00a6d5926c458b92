#include "run/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/loop_test.h"
#include "network/self_test.h"
#include "weights/weights_fit.h"

enum { FORMS_BYTES_MAX = 16 << 20 };

/* Series that are not padded meet only in batches of one where the network wants them to be of one length. */
static int batches_check(const session *s, const model *m)
{
    const run_config *c = &s->config;
    const int evaluated = c->eval.batch_size.present ? c->eval.batch_size.value : 1;
    if (!model_equal_series(m)) return OK;
    if (evaluated > 1)
        return fail(USAGE, "%s: eval.batch_size is %d, wanted 1: %s sees a series' neighbours in padding", c->path,
                    evaluated, model_arch(m));
    if (!strcmp(c->root.padding, "skip") && c->train.batch_size > 1)
        return fail(USAGE,
                    "%s: padding is \"skip\", wanted \"published\" or a train.batch_size of 1: %s takes series of "
                    "one length",
                    c->path, model_arch(m));
    return OK;
}

/* In PASTIS the last class is void, and so it is by default: people's own last class should not vanish unseen. */
static void tell_ignored(const session *s, int ignored)
{
    if (ignored < 0 || ignored >= samples_classes(&s->set)) return;
    const char *name = samples_class_name(&s->set, ignored);
    if (strstr(name, "oid")) return; /* "Void", "void label" */
    log_note(
        "%s: class %d (%s) counts as void, in neither loss nor measures, by train.ignore_index %d; null: every class "
        "counts",
        s->config.path, ignored, name, s->config.train.ignore_index.value);
}

static int resolve_model(session *s, bool labels, const char *weights)
{
    int rc = OK;
    model *m = NULL;
    if (weights) TRY(weights_fill_model(s->config.model, s->where, weights));
    int ignored;
    TRY(config_complete_model(s->config.model, s->where, s->config.kind, samples_sizes(&s->set)));
    TRY(model_new(s->config.model, s->where, &m));
    TRY(samples_fit(&s->set, m, labels, s->config.path));
    TRY(batches_check(s, m));
    TRY(config_ignored_class(&s->config, model_classes(m), &ignored));
    if (labels) tell_ignored(s, ignored);
    TRY(config_class_weights_check(&s->config, model_classes(m)));
    if (weights) TRY(weights_compare_positions(&s->set, m, weights));
    TRY_NEW(s->model = model_config(m));
done:
    model_free(m);
    return rc;
}

static int choose_fold(run_config *c, int fold)
{
    if (fold == 0) return OK;
    if (fold < 1 || fold > c->train.kfold)
        return fail(USAGE, "fold %d was asked for; wanted 1 to train.kfold, which is %d", fold, c->train.kfold);
    c->train.fold = (optional_int){true, fold};
    return OK;
}

int session_read(const furrow_run_options *o, bool labels, const char *weights, session *out)
{
    int rc = OK;
    *out = (session){0};
    log_watch(o->progress, o->user);
    TRY(config_read(o->config, o->set, o->sets, &out->config));
    TRY(choose_fold(&out->config, o->fold));
    TRY_NEW(out->where = text_format("%s: model", o->config));
    TRY(samples_open(&out->config, labels, &out->set));
    TRY(resolve_model(out, labels, weights));
done:
    if (rc) session_close(out);
    return rc;
}

int session_open(const furrow_run_options *o, bool labels, const char *weights, session *out)
{
    int rc = OK;
    TRY(session_read(o, labels, weights, out));
    const unsigned kernels = out->config.kind == MODEL_DENSE ? SELF_TEST_IMAGES : SELF_TEST_PARCELS;
    TRY(self_test_open(o->device ? o->device : out->config.root.device, kernels, &out->device));
    TRY(loop_test(out->device));
done:
    if (rc) session_close(out);
    return rc;
}

void session_close(session *s)
{
    device_close(s->device);
    samples_close(&s->set);
    cJSON_Delete(s->model);
    free(s->where);
    config_free(&s->config);
    *s = (session){0};
    log_watch(NULL, NULL);
}

static uint64_t memory_limit(const device *d, double given)
{
    const uint64_t there = device_about(d)->global_memory;
    return (uint64_t)(given <= 0 ? (double)there : given <= 1 ? given * (double)there : given);
}

int network_settings(network *w, const run_config *c)
{
    const train_options *t = &c->train;
    w->gamma = (float)t->gamma;
    w->adam.learning_rate = (float)t->lr;
    if (c->kind != MODEL_DENSE) return OK;
    w->padding = strcmp(c->root.padding, "skip") ? PADDING_TRAINING : PADDING_SKIP;
    w->exact = c->root.exact;
    w->memory_limit = memory_limit(w->device, c->root.memory_limit);
    w->head_loss = (paps_loss){.centre = (float)t->l_center,
                               .size = (float)t->l_size,
                               .shape = (float)t->l_shape,
                               .class = (float)t->l_class,
                               .beta = (float)t->beta,
                               .every_maximum = !t->supmax};
    return config_ignored_class(c, model_classes(w->model), &w->ignore_class);
}

int session_network(session *s, uint64_t seed, network **out)
{
    model *m = NULL;
    int rc = model_new(s->model, s->where, &m);
    if (rc) return rc;
    rc = network_new(s->device, m, samples_input(&s->set, m, &s->config), seed, out);
    return rc ? rc : network_settings(*out, &s->config);
}

int session_batches(session *s, batches **out)
{
    model *m = NULL;
    int rc = model_new(s->model, s->where, &m);
    if (!rc) rc = batches_new(s->device, &s->set, &s->config, model_positions_are_dates(m), out);
    model_free(m);
    return rc;
}

int session_eval_batch(const session *s)
{
    const run_config *c = &s->config;
    if (c->eval.batch_size.present) return c->eval.batch_size.value;
    return c->kind == MODEL_DENSE ? 1 : c->train.batch_size;
}

/* ---- class names ------------------------------------------------------------------------------------------------- */

static char *class_name(const session *s, const cJSON *stored, int k)
{
    const cJSON *name = cJSON_GetArrayItem(stored, k);
    if (cJSON_IsString(name)) return text_copy(name->valuestring);
    return k < samples_classes(&s->set) ? text_copy(samples_class_name(&s->set, k)) : text_format("%d", k);
}

int class_names(const session *s, const cJSON *state, int classes, char ***out)
{
    const cJSON *stored = cJSON_GetObjectItemCaseSensitive(state, "classes");
    char **names = memory_new((size_t)classes + 1, sizeof *names);
    if (!names) return FAILED;
    for (int k = 0; k < classes; k++)
        if (!(names[k] = class_name(s, stored, k))) {
            names_free(names, k);
            return FAILED;
        }
    *out = names;
    return OK;
}

void names_free(char **names, int count)
{
    for (int k = 0; names && k < count; k++) free(names[k]);
    free(names);
}

/* ---- kernel forms ------------------------------------------------------------------------------------------------ */

int forms_use(const session *s, const char *folder)
{
    int rc = OK;
    char *text = NULL, *path = path_join(folder, "forms.json");
    size_t length;
    TRY_NEW(path);
    if (!file_exists(path)) goto done;
    TRY(file_read(path, FORMS_BYTES_MAX, &text, &length));
    rc = tune_import(s->device, text);
    if (rc) rc = fail_within(rc, "%s", path);
done:
    free(text);
    free(path);
    return rc;
}

/* Is this what the file holds? Then it need not be written and synced again, epoch after epoch. */
static bool file_holds(const char *path, const char *text)
{
    char *old = NULL;
    size_t length;
    if (!file_exists(path) || file_read(path, FORMS_BYTES_MAX, &old, &length)) return false;
    bool same = strcmp(old, text) == 0;
    free(old);
    return same;
}

int forms_record(const session *s, const char *folder)
{
    int rc = OK;
    char *text = NULL, *path = path_join(folder, "forms.json");
    TRY_NEW(path);
    TRY_NEW(text = tune_export(s->device));
    if (!file_holds(path, text)) TRY(file_write(path, text, strlen(text)));
done:
    free(text);
    free(path);
    return rc;
}

int json_text(cJSON *value, char **out)
{
    char *text = json_print(value, true);
    cJSON_Delete(value);
    *out = text;
    return text ? OK : FAILED;
}
