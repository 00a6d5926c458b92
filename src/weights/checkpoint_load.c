/* Reading checkpoints, our own and what others wrote, into a network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/tensor_file.h"
#include "network/config.h"
#include "weights/checkpoint.h"

/* ---- what it says of itself -------------------------------------------------------------------------------------- */

/* *out stays NULL where there is no such attribute. */
static int get_json(h5 *file, const char *name, cJSON **out)
{
    char *text = NULL, *where = NULL;
    bool there;
    int rc = OK;
    TRY(h5_has_attribute(file, "/", name, &there));
    if (!there) goto done;
    TRY(h5_get_text(file, "/", name, &text));
    TRY_NEW(where = text_format("%s: attribute %s", h5_path(file), name));
    TRY(json_parse(text, strlen(text), where, out));
done:
    free(where);
    free(text);
    return rc;
}

/* The folder of `path`, one level up more where it is a Fold_k; NULL: out of memory. */
static char *run_folder_of(const char *path)
{
    char *folder = text_copy(path), *slash = folder ? strrchr(folder, '/') : NULL;
    if (!folder) return NULL;
    if (!slash) {
        const char *here = ".";
        free(folder);
        return text_copy(here);
    }
    *slash = 0;
    slash = strrchr(folder, '/');
    const char *name = slash ? slash + 1 : folder;
    if (strncmp(name, "Fold_", 5)) return folder;
    if (slash) {
        *slash = 0;
        return folder;
    }
    free(folder);
    return text_copy(".");
}

/* The model of the conf.json that lies with published weights; *out stays NULL where there is none. */
static int published_config(const char *path, cJSON **out)
{
    enum { CONFIG_BYTES_MAX = 16 << 20 };
    int rc = OK;
    bool flat;
    cJSON *root = NULL, *sorted = NULL;
    char *folder = run_folder_of(path), *conf = folder ? path_join(folder, "conf.json") : NULL;
    TRY_NEW(conf);
    if (!file_exists(conf)) goto done;
    TRY(json_read(conf, CONFIG_BYTES_MAX, &root));
    rc = config_from_published(root, conf, &sorted, &flat);
    root = NULL;
    if (rc) goto done;
    *out = cJSON_DetachItemFromObjectCaseSensitive(sorted, "model");
    if (*out) TRY(model_config_normalise(out, conf));
done:
    cJSON_Delete(root);
    cJSON_Delete(sorted);
    free(conf);
    free(folder);
    return rc;
}

static int say_state(const tensor_file *f, cJSON **out)
{
    int64_t epoch;
    *out = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(*out, "imported", tensor_file_format(f))) return fail(FAILED, "out of memory");
    if (tensor_file_epoch(f, &epoch)) cJSON_AddNumberToObject(*out, "epoch", (double)epoch);
    return OK;
}

int checkpoint_peek(const char *path, cJSON **config, cJSON **state)
{
    int rc = OK;
    tensor_file *f = NULL;
    TRY(tensor_file_open(path, &f));
    h5 *own = tensor_file_h5(f);
    if (config) *config = NULL;
    if (state) *state = NULL;
    if (config && own) TRY(get_json(own, "model", config));
    if (config && !*config) TRY(published_config(path, config));
    if (state && own) TRY(get_json(own, "state", state));
    if (state && !*state) TRY(say_state(f, state));
done:
    tensor_file_close(f);
    return rc;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static bool same_shape(const tensor *p, const tensor_entry *e)
{
    if (e->rank != p->shape.rank) return false;
    for (int i = 0; i < e->rank; i++)
        if (e->shape[i] != (size_t)p->shape.size[i]) return false;
    return true;
}

void shape_text(char *out, size_t size, int rank, const size_t *sizes)
{
    size_t used = 0;
    if (rank == 0) snprintf(out, size, "a scalar");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, i ? " x %zu" : "%zu", sizes[i]);
}

void parameter_shape_text(char *out, size_t size, const tensor *p)
{
    size_t sizes[RANK_MAX];
    for (int i = 0; i < p->shape.rank; i++) sizes[i] = (size_t)p->shape.size[i];
    shape_text(out, size, p->shape.rank, sizes);
}

static int refuse_shape(const tensor_file *f, const tensor *p, const tensor_entry *e, enum checkpoint_use use)
{
    char there[SHAPE_TEXT], wanted[SHAPE_TEXT];
    shape_text(there, sizeof there, e->rank, e->shape);
    parameter_shape_text(wanted, sizeof wanted, p);
    return fail(FAILED, "%s: %s is %s; the network wants %s%s", tensor_file_path(f), p->name, there, wanted,
                use == CHECKPOINT_FINE_TUNE ? " (to start from weights, nothing may differ but the number of classes)"
                                            : "");
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

bool checkpoint_may_lack(const char *name)
{
    return ends_with(name, ".inconv.1.weight") || ends_with(name, ".inconv.1.bias");
}

bool checkpoint_ignores(const char *name)
{
    return ends_with(name, "position_enc.weight") || ends_with(name, "num_batches_tracked");
}

/* Forks train L-TAE's projection norm without weights: absent ones are 1 and 0. */
static int read_absent(const tensor_file *f, network *w, tensor *p)
{
    if (!checkpoint_may_lack(p->name)) return fail(FAILED, "%s has no %s", tensor_file_path(f), p->name);
    float *values = memory_new(tensor_count(p), sizeof *values);
    if (!values) return FAILED;
    const bool weight = ends_with(p->name, "weight");
    for (size_t i = 0; weight && i < tensor_count(p); i++) values[i] = 1;
    int rc = net_parameter_write(w->net, p, values);
    free(values);
    return rc;
}

/* The last layer for another number of classes: the one difference that fine-tuning bridges. */
static bool other_classes(const network *w, const tensor *p, const tensor_entry *e)
{
    if (!model_is_last(w->model, p->name) || e->rank != p->shape.rank) return false;
    if (p->shape.size[0] != model_classes(w->model) || e->shape[0] == (size_t)p->shape.size[0]) return false;
    for (int i = 1; i < e->rank; i++)
        if (e->shape[i] != (size_t)p->shape.size[i]) return false;
    return true;
}

/* *anew: the parameters that keep their initial values so far, as text; NULL: none. */
static int starts_anew(const tensor *p, char **anew)
{
    char *longer = *anew ? text_format("%s, %s", *anew, p->name) : text_copy(p->name);
    free(*anew);
    *anew = longer;
    return longer ? OK : FAILED;
}

static int read_weight(tensor_file *f, network *w, tensor *p, enum checkpoint_use use, char **anew)
{
    int rc = OK;
    float *values = NULL;
    const tensor_entry *e = tensor_file_find(f, TENSOR_WEIGHTS, p->name);
    if (!e) return read_absent(f, w, p);
    if (use == CHECKPOINT_FINE_TUNE && other_classes(w, p, e)) return starts_anew(p, anew);
    if (!same_shape(p, e)) return refuse_shape(f, p, e, use);
    TRY_NEW(values = memory_new(tensor_count(p), sizeof *values));
    TRY(tensor_file_read(f, e, NUMBER_F32, values));
    TRY(net_parameter_write(w->net, p, values));
done:
    free(values);
    return rc;
}

static int refuse_unknown(const tensor_file *f, const network *w)
{
    for (size_t i = 0; i < tensor_file_count(f, TENSOR_WEIGHTS); i++) {
        const char *name = tensor_file_at(f, TENSOR_WEIGHTS, i)->name;
        if (!checkpoint_ignores(name) && !net_parameter_find(w->net, name))
            return fail(FAILED, "%s: %s is no parameter of this network (%s)", tensor_file_path(f), name,
                        model_arch(w->model));
    }
    return OK;
}

static int read_weights(tensor_file *f, network *w, enum checkpoint_use use)
{
    char *anew = NULL;
    int rc = refuse_unknown(f, w);
    for (int i = 0; !rc && i < net_parameter_count(w->net); i++)
        rc = read_weight(f, w, net_parameter_at(w->net, i), use, &anew);
    if (!rc) net_parameters_changed(w->net);
    if (!rc && anew)
        log_note("%s is for another number of classes than this network's %d: all is taken over but these, which start "
                 "anew: %s",
                 tensor_file_path(f), model_classes(w->model), anew);
    free(anew);
    return rc;
}

/* ---- the optimiser ----------------------------------------------------------------------------------------------- */

/* What others wrote has no moments of parameters that were never trained. */
static bool is_imported(tensor_file *f)
{
    cJSON *state = NULL;
    h5 *own = tensor_file_h5(f);
    bool imported = !own || (!get_json(own, "state", &state) && cJSON_HasObjectItem(state, "imported"));
    cJSON_Delete(state);
    return imported;
}

static int read_moment(tensor_file *f, network *w, enum tensor_group g, buffer *moment)
{
    int rc = OK;
    buffer *unused_values, *unused_gradients;
    size_t count;
    float *flat = NULL;
    const bool imported = is_imported(f);
    TRY(net_flat(w->net, &unused_values, &unused_gradients, &count));
    TRY_NEW(flat = memory_new(count, sizeof *flat));
    for (int i = 0; i < net_parameter_count(w->net); i++) {
        tensor *p = net_parameter_at(w->net, i);
        if (net_parameter_role(w->net, i) != PARAMETER_TRAINED) continue;
        const tensor_entry *e = tensor_file_find(f, g, p->name);
        if (!e && imported) continue;
        if (!e) rc = fail(FAILED, "%s has no moments of %s", tensor_file_path(f), p->name);
        if (!rc && !same_shape(p, e)) rc = refuse_shape(f, p, e, CHECKPOINT_RESUME);
        if (!rc) rc = tensor_file_read(f, e, NUMBER_F32, flat + net_flat_offset(w->net, p));
        if (rc) goto done;
    }
    TRY(buffer_write(moment, 0, flat, count * sizeof *flat));
done:
    free(flat);
    return rc;
}

static int read_forms(tensor_file *f, network *w)
{
    int rc = OK;
    char *forms = NULL;
    bool there = false;
    h5 *own = tensor_file_h5(f);
    if (own) TRY(h5_has_attribute(own, "/", "forms", &there));
    if (!there) goto done;
    TRY(h5_get_text(own, "/", "forms", &forms));
    TRY(tune_import(w->device, forms));
done:
    free(forms);
    return rc;
}

static int read_optimiser(tensor_file *f, network *w)
{
    int rc = OK;
    const char *note = tensor_file_optimiser_note(f);
    if (!tensor_file_step(f, &w->adam_step))
        return fail(FAILED, "%s has no state of Adam's to go on with%s%s", tensor_file_path(f), note ? ": " : "",
                    note ? note : "");
    TRY(network_optimiser(w));
    TRY(read_moment(f, w, TENSOR_EXP_AVG, w->exp_avg));
    TRY(read_moment(f, w, TENSOR_EXP_AVG_SQ, w->exp_avg_sq));
    TRY(read_forms(f, w));
done:
    return rc;
}

int checkpoint_load(const char *path, network *w, enum checkpoint_use use)
{
    int rc = OK;
    tensor_file *f = NULL;
    TRY(tensor_file_open(path, &f));
    TRY(read_weights(f, w, use));
    if (use == CHECKPOINT_RESUME) TRY(read_optimiser(f, w));
done:
    tensor_file_close(f);
    return rc;
}
