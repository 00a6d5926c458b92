#include "run/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/h5.h"

enum { VERSION = 1 };
#define STEPS_MOST (INT64_C(1) << 53) /* what JSON tells exactly */

static char *weight_path(const char *group, const tensor *p)
{
    return text_format("%s/%s", group, p->name);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int write_array(h5 *file, const char *group, const tensor *p, const float *values)
{
    size_t sizes[RANK_MAX];
    char *path = weight_path(group, p);
    if (!path) return FAILED;
    for (int i = 0; i < p->shape.rank; i++) sizes[i] = (size_t)p->shape.size[i];
    int rc = h5_write(file, path, NUMBER_F32, p->shape.rank, sizes, values);
    free(path);
    return rc;
}

static int write_weights(h5 *file, network *w)
{
    int rc = h5_new_group(file, "/weights");
    for (int i = 0; !rc && i < net_parameter_count(w->net); i++) {
        tensor *p = net_parameter_at(w->net, i);
        float *values = memory_new(tensor_count(p), sizeof *values);
        rc = values ? net_parameter_read(w->net, p, values) : FAILED;
        if (!rc) rc = write_array(file, "/weights", p, values);
        free(values);
    }
    return rc;
}

/* One of Adam's moments: a flat buffer on the device, an array a parameter in the file. */
static int write_moment(h5 *file, network *w, const char *group, buffer *moment)
{
    int rc = OK;
    buffer *unused_values, *unused_gradients;
    size_t count;
    float *flat = NULL;
    TRY(net_flat(w->net, &unused_values, &unused_gradients, &count));
    TRY_NEW(flat = memory_new(count, sizeof *flat));
    TRY(buffer_read(moment, 0, flat, count * sizeof *flat));
    TRY(h5_new_group(file, group));
    for (int i = 0; i < net_parameter_count(w->net); i++) {
        tensor *p = net_parameter_at(w->net, i);
        if (net_parameter_role(w->net, i) != PARAMETER_TRAINED) continue;
        TRY(write_array(file, group, p, flat + net_flat_offset(w->net, p)));
    }
done:
    free(flat);
    return rc;
}

static int write_optimiser(h5 *file, network *w)
{
    int rc = OK;
    TRY(network_optimiser(w));
    TRY(h5_new_group(file, "/optimizer")); /* by itself: groups made on the way keep times, and bytes must repeat */
    TRY(write_moment(file, w, "/optimizer/exp_avg", w->exp_avg));
    TRY(write_moment(file, w, "/optimizer/exp_avg_sq", w->exp_avg_sq));
    TRY(h5_write(file, "/optimizer/step", NUMBER_I64, 0, NULL, &w->adam_step));
done:
    return rc;
}

static int set_json(h5 *file, const char *name, const cJSON *value)
{
    char *text = json_print(value, false);
    if (!text) return FAILED;
    int rc = h5_set_text(file, "/", name, text);
    free(text);
    return rc;
}

static int write_head(h5 *file, network *w, const cJSON *state)
{
    int rc = OK;
    cJSON *config = model_config(w->model);
    char *forms = tune_export(w->device);
    TRY_NEW(config);
    TRY_NEW(forms);
    TRY(h5_set_text(file, "/", "furrow_format", "checkpoint"));
    TRY(h5_set_int(file, "/", "version", VERSION));
    TRY(set_json(file, "model", config));
    TRY(set_json(file, "state", state));
    TRY(h5_set_text(file, "/", "forms", forms));
done:
    cJSON_Delete(config);
    free(forms);
    return rc;
}

int checkpoint_save(const char *path, const char *before, network *w, const cJSON *state, bool optimiser)
{
    int rc = OK, closed;
    h5 *file = NULL;
    char *temporary = file_temporary(path);
    TRY_NEW(temporary);
    TRY(h5_create(temporary, &file));
    TRY(write_head(file, w, state));
    TRY(write_weights(file, w));
    if (optimiser) TRY(write_optimiser(file, w));
    TRY(h5_set_int(file, "/", "complete", 1));
done:
    closed = h5_close(file);
    if (!rc) rc = closed;
    if (!rc)
        rc = file_commit_keeping(temporary, path, before);
    else if (temporary)
        remove(temporary);
    free(temporary);
    return rc;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int open_checkpoint(const char *path, h5 **out)
{
    int rc = OK;
    int64_t version = 0, complete = 0;
    char *format = NULL;
    bool ours, closed;
    h5 *file = NULL;
    TRY(h5_open(path, &file));
    TRY(h5_has_attribute(file, "/", "furrow_format", &ours));
    if (!ours) {
        rc = fail(FAILED, "%s is no checkpoint of furrow's: it has no attribute furrow_format", path);
        goto done;
    }
    TRY(h5_get_text(file, "/", "furrow_format", &format));
    if (strcmp(format, "checkpoint") != 0) {
        rc = fail(FAILED, "%s is a %s; wanted a checkpoint", path, format);
        goto done;
    }
    TRY(h5_get_int(file, "/", "version", &version));
    if (version != VERSION) rc = fail(FAILED, "%s has version %lld; wanted %d", path, (long long)version, VERSION);
    if (rc) goto done;
    TRY(h5_has_attribute(file, "/", "complete", &closed));
    if (closed) TRY(h5_get_int(file, "/", "complete", &complete));
    if (complete != 1) rc = fail(FAILED, "%s is unfinished: writing it was interrupted", path);
    if (rc) goto done;
    *out = file;
    file = NULL;
done:
    free(format);
    h5_close(file);
    return rc;
}

static int get_json(h5 *file, const char *name, cJSON **out)
{
    char *text = NULL, *where = NULL;
    int rc = OK;
    TRY(h5_get_text(file, "/", name, &text));
    TRY_NEW(where = text_format("%s: attribute %s", h5_path(file), name));
    TRY(json_parse(text, strlen(text), where, out));
done:
    free(where);
    free(text);
    return rc;
}

int checkpoint_peek(const char *path, cJSON **config, cJSON **state)
{
    int rc = OK;
    h5 *file = NULL;
    TRY(open_checkpoint(path, &file));
    if (config) TRY(get_json(file, "model", config));
    if (state) TRY(get_json(file, "state", state));
done:
    h5_close(file);
    return rc;
}

static bool same_shape(const tensor *p, const h5_about *a)
{
    if (a->text || a->rank != p->shape.rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->shape[i] != (size_t)p->shape.size[i]) return false;
    return true;
}

static void shape_text(char *out, size_t size, int rank, const size_t *sizes)
{
    size_t used = 0;
    if (rank == 0) snprintf(out, size, "a scalar");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, i ? " x %zu" : "%zu", sizes[i]);
}

static int refuse_shape(const h5 *file, const tensor *p, const h5_about *a)
{
    char there[96], wanted[96];
    size_t sizes[RANK_MAX];
    for (int i = 0; i < p->shape.rank; i++) sizes[i] = (size_t)p->shape.size[i];
    shape_text(there, sizeof there, a->rank, a->shape);
    shape_text(wanted, sizeof wanted, p->shape.rank, sizes);
    return fail(FAILED, "%s: %s is %s; the network wants %s", h5_path(file), p->name, there, wanted);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Forks train L-TAE's projection norm without weights: absent ones are 1 and 0. */
static int read_absent(const h5 *file, network *w, tensor *p)
{
    bool weight = ends_with(p->name, ".inconv.1.weight");
    if (!weight && !ends_with(p->name, ".inconv.1.bias"))
        return fail(FAILED, "%s has no /weights/%s", h5_path(file), p->name);
    float *values = memory_new(tensor_count(p), sizeof *values);
    if (!values) return FAILED;
    for (size_t i = 0; weight && i < tensor_count(p); i++) values[i] = 1;
    int rc = net_parameter_write(w->net, p, values);
    free(values);
    return rc;
}

/* The last layer for another number of classes: the one difference that fine-tuning bridges. */
static bool other_classes(const network *w, const tensor *p, const h5_about *a)
{
    if (strncmp(p->name, "decoder.", 8) != 0 || a->rank != p->shape.rank) return false;
    if (p->shape.size[0] != model_classes(w->model) || a->shape[0] == (size_t)p->shape.size[0]) return false;
    return a->rank == 1 || a->shape[1] == (size_t)p->shape.size[1];
}

static int read_weight(h5 *file, network *w, tensor *p, enum checkpoint_use use)
{
    int rc = OK;
    bool there;
    h5_about about;
    float *values = NULL;
    char *path = weight_path("/weights", p);
    TRY_NEW(path);
    TRY(h5_exists(file, path, &there));
    if (!there) {
        rc = read_absent(file, w, p);
        goto done;
    }
    TRY(h5_about_of(file, path, &about));
    if (use == CHECKPOINT_FINE_TUNE && other_classes(w, p, &about)) {
        log_note("%s starts anew: %s has it for %zu classes, the data have %d", p->name, h5_path(file), about.shape[0],
                 p->shape.size[0]);
        goto done;
    }
    if (!same_shape(p, &about)) {
        rc = refuse_shape(file, p, &about);
        goto done;
    }
    TRY_NEW(values = memory_new(tensor_count(p), sizeof *values));
    TRY(h5_read(file, path, NUMBER_F32, tensor_count(p), values));
    TRY(net_parameter_write(w->net, p, values));
done:
    free(values);
    free(path);
    return rc;
}

/* Tables and counters that published weights carry and that follow from the positions or say nothing. */
static bool not_a_weight(const char *name)
{
    return ends_with(name, "position_enc.weight") || ends_with(name, "num_batches_tracked");
}

static int refuse_unknown(h5 *file, const network *w)
{
    char **names = NULL;
    size_t count = 0;
    int rc = h5_list(file, "/weights", &names, &count);
    for (size_t i = 0; !rc && i < count; i++)
        if (!not_a_weight(names[i]) && !net_parameter_find(w->net, names[i]))
            rc = fail(FAILED, "%s: /weights/%s is no parameter of this network (%s)", h5_path(file), names[i],
                      model_arch(w->model));
    h5_names_free(names, count);
    return rc;
}

static int read_weights(h5 *file, network *w, enum checkpoint_use use)
{
    int rc = refuse_unknown(file, w);
    for (int i = 0; !rc && i < net_parameter_count(w->net); i++)
        rc = read_weight(file, w, net_parameter_at(w->net, i), use);
    if (!rc) net_parameters_changed(w->net);
    return rc;
}

static int read_moment(h5 *file, network *w, const char *group, buffer *moment)
{
    int rc = OK;
    buffer *unused_values, *unused_gradients;
    size_t count;
    float *flat = NULL;
    TRY(net_flat(w->net, &unused_values, &unused_gradients, &count));
    TRY_NEW(flat = memory_new(count, sizeof *flat));
    for (int i = 0; i < net_parameter_count(w->net); i++) {
        tensor *p = net_parameter_at(w->net, i);
        if (net_parameter_role(w->net, i) != PARAMETER_TRAINED) continue;
        char *path = weight_path(group, p);
        rc = path ? h5_read(file, path, NUMBER_F32, tensor_count(p), flat + net_flat_offset(w->net, p)) : FAILED;
        free(path);
        if (rc) goto done;
    }
    TRY(buffer_write(moment, 0, flat, count * sizeof *flat));
done:
    free(flat);
    return rc;
}

static int read_optimiser(h5 *file, network *w)
{
    int rc = OK;
    char *forms = NULL;
    int64_t step;
    TRY(network_optimiser(w));
    TRY(read_moment(file, w, "/optimizer/exp_avg", w->exp_avg));
    TRY(read_moment(file, w, "/optimizer/exp_avg_sq", w->exp_avg_sq));
    TRY(h5_read(file, "/optimizer/step", NUMBER_I64, 1, &step));
    if (step < 0 || step > STEPS_MOST) {
        rc = fail(FAILED, "%s: /optimizer/step is %lld, wanted 0 or more", h5_path(file), (long long)step);
        goto done;
    }
    w->adam_step = step;
    TRY(h5_get_text(file, "/", "forms", &forms));
    TRY(tune_import(w->device, forms));
done:
    free(forms);
    return rc;
}

int checkpoint_load(const char *path, network *w, enum checkpoint_use use)
{
    int rc = OK;
    h5 *file = NULL;
    TRY(open_checkpoint(path, &file));
    TRY(read_weights(file, w, use));
    if (use == CHECKPOINT_RESUME) TRY(read_optimiser(file, w));
done:
    h5_close(file);
    return rc;
}
