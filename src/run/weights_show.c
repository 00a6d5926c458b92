/* furrow_weights_show: what a file of weights holds, and how that meets what a configuration's network wants. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/tensor_file.h"
#include "furrow.h"
#include "run/session.h"
#include "weights/checkpoint.h"

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

typedef struct range {
    double least, most;
    size_t finite;
} range;

static range range_of(const tensor_entry *e, const void *values)
{
    range r = {0};
    for (size_t i = 0; i < e->count; i++) {
        const double value = number_get(e->type, values, i);
        if (!isfinite(value)) continue;
        if (!r.finite || value < r.least) r.least = value;
        if (!r.finite || value > r.most) r.most = value;
        r.finite++;
    }
    return r;
}

static cJSON *shape_json(int rank, const size_t *sizes)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < rank; i++) json_append(list, cJSON_CreateNumber((double)sizes[i]));
    return list;
}

static int add_tensor(tensor_file *f, const tensor_entry *e, cJSON *list)
{
    void *values = memory_new(e->count, number_size(e->type));
    int rc = values ? tensor_file_read(f, e, e->type, values) : FAILED;
    if (!rc) {
        const range r = range_of(e, values);
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "name", e->name);
        cJSON_AddStringToObject(o, "type", tensor_type_name(e));
        json_add(o, "shape", shape_json(e->rank, e->shape));
        json_add(o, "least", r.finite ? cJSON_CreateNumber(r.least) : cJSON_CreateNull());
        json_add(o, "most", r.finite ? cJSON_CreateNumber(r.most) : cJSON_CreateNull());
        cJSON_AddNumberToObject(o, "not_finite", (double)(e->count - r.finite));
        json_append(list, o);
    }
    free(values);
    return rc;
}

static int add_tensors(tensor_file *f, cJSON *all)
{
    int64_t epoch, step;
    double values = 0;
    const size_t count = tensor_file_count(f, TENSOR_WEIGHTS);
    const char *note = tensor_file_optimiser_note(f);
    cJSON_AddStringToObject(all, "file", tensor_file_path(f));
    cJSON_AddStringToObject(all, "format", tensor_file_format(f));
    if (tensor_file_epoch(f, &epoch)) cJSON_AddNumberToObject(all, "epoch", (double)epoch);
    if (tensor_file_step(f, &step)) cJSON_AddNumberToObject(all, "step", (double)step);
    if (note) cJSON_AddStringToObject(all, "optimizer_left", note);
    cJSON *list = cJSON_AddArrayToObject(all, "tensors");
    for (size_t i = 0; i < count; i++) {
        int rc = add_tensor(f, tensor_file_at(f, TENSOR_WEIGHTS, i), list);
        if (rc) return rc;
        values += (double)tensor_file_at(f, TENSOR_WEIGHTS, i)->count;
    }
    cJSON_AddNumberToObject(all, "values", values);
    return OK;
}

/* ---- a configuration's network ----------------------------------------------------------------------------------- */

typedef struct wanted {
    run_config config;
    char *where;
    device *device;
    network *network;
} wanted;

static void wanted_free(wanted *w)
{
    network_free(w->network);
    device_close(w->device);
    config_free(&w->config);
    free(w->where);
}

/* A published conf.json names no pack; none is needed here. */
static int read_config(const char *path, wanted *w)
{
    enum { CONFIG_BYTES_MAX = 16 << 20 };
    static const char *const none[] = {"data.pack=null"};
    cJSON *root = NULL;
    int rc = json_read(path, CONFIG_BYTES_MAX, &root);
    if (rc) return rc;
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(root, "data");
    const bool named = cJSON_HasObjectItem(data, "pack");
    cJSON_Delete(root);
    return config_read(path, none, named ? 0 : 1, &w->config);
}

/* What the configuration leaves open is read off its pack where that is there, else it is the published default. */
static int complete_model(wanted *w)
{
    int rc = OK;
    sample_set set = {0};
    const char *pack = w->config.kind == MODEL_DENSE ? w->config.images.pack : w->config.parcels.pack;
    if (!pack || !file_exists(pack)) return OK;
    TRY(samples_open(&w->config, true, &set));
    TRY(config_complete_model(w->config.model, w->where, w->config.kind, samples_sizes(&set)));
done:
    samples_close(&set);
    return rc;
}

/* A network small enough to be made for its parameters alone. */
static network_input least_input(const model *m)
{
    int side = 1;
    while (model_kind_of(m) == MODEL_DENSE && side < 1024 && model_size_fits(m, side, side, "")) side++;
    return (network_input){.bands = model_bands(m),
                           .npixel = 2,
                           .extra = model_kind_of(m) == MODEL_DENSE ? 0 : model_extra(m),
                           .height = side,
                           .width = side,
                           .position_lines = 1,
                           .longest = 1};
}

static int make_network(const char *config, const char *selector, wanted *w)
{
    int rc = OK;
    model *m = NULL;
    TRY(read_config(config, w));
    TRY_NEW(w->where = text_format("%s: model", config));
    TRY(complete_model(w));
    TRY(model_new(w->config.model, w->where, &m));
    TRY(device_open(selector ? selector : w->config.root.device, &w->device));
    rc = network_new(w->device, m, least_input(m), 0, &w->network);
    m = NULL; /* the network's, whatever came of it */
done:
    model_free(m);
    return rc;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

/* Names, ended by NULL. */
typedef struct name_list {
    const char **name;
    size_t count;
} name_list;

static int list_new(size_t most, name_list *out)
{
    *out = (name_list){memory_new(most + 1, sizeof *out->name), 0};
    return out->name ? OK : FAILED;
}

static void add_names(cJSON *all, const char *key, const name_list *names, const name_list *others)
{
    cJSON *list = cJSON_AddArrayToObject(all, key);
    for (size_t i = 0; i < names->count; i++) {
        cJSON *o = cJSON_CreateObject();
        const char *near = nearest_word(names->name[i], others->name);
        cJSON_AddStringToObject(o, "name", names->name[i]);
        if (near) cJSON_AddStringToObject(o, "nearest", near);
        if (checkpoint_may_lack(names->name[i])) cJSON_AddStringToObject(o, "read_as", "1 and 0");
        json_append(list, o);
    }
}

static void add_shape(cJSON *list, const tensor *p, const tensor_entry *e)
{
    size_t sizes[H5_RANK_MAX];
    bool same = e->rank == p->shape.rank;
    for (int i = 0; i < p->shape.rank; i++) {
        sizes[i] = (size_t)p->shape.size[i];
        same = same && e->shape[i] == sizes[i];
    }
    if (same) return;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "name", p->name);
    json_add(o, "shape", shape_json(e->rank, e->shape));
    json_add(o, "wanted", shape_json(p->shape.rank, sizes));
    json_append(list, o);
}

static int compare(tensor_file *f, const wanted *w, cJSON *all)
{
    int rc = OK;
    net *n = w->network->net;
    name_list missing = {0}, unknown = {0};
    TRY(list_new((size_t)net_parameter_count(n), &missing));
    TRY(list_new(tensor_file_count(f, TENSOR_WEIGHTS), &unknown));
    cJSON_AddStringToObject(all, "arch", model_arch(w->network->model));
    cJSON *shapes = cJSON_AddArrayToObject(all, "other_shape");
    for (int i = 0; i < net_parameter_count(n); i++) {
        const tensor *p = net_parameter_at(n, i);
        const tensor_entry *e = tensor_file_find(f, TENSOR_WEIGHTS, p->name);
        if (e)
            add_shape(shapes, p, e);
        else
            missing.name[missing.count++] = p->name;
    }
    for (size_t i = 0; i < tensor_file_count(f, TENSOR_WEIGHTS); i++) {
        const char *name = tensor_file_at(f, TENSOR_WEIGHTS, i)->name;
        if (!checkpoint_ignores(name) && !net_parameter_find(n, name)) unknown.name[unknown.count++] = name;
    }
    add_names(all, "missing", &missing, &unknown);
    add_names(all, "unknown", &unknown, &missing);
done:
    free(missing.name);
    free(unknown.name);
    return rc;
}

int furrow_weights_show(const char *path, const char *config, const char *selector, char **json)
{
    int rc = OK;
    tensor_file *f = NULL;
    wanted w = {0};
    cJSON *all = cJSON_CreateObject();
    *json = NULL;
    TRY(tensor_file_open(path, &f));
    if (config) TRY(make_network(config, selector, &w));
    TRY(add_tensors(f, all));
    if (config) TRY(compare(f, &w, all));
    rc = json_text(all, json);
    all = NULL;
done:
    cJSON_Delete(all);
    wanted_free(&w);
    tensor_file_close(f);
    return rc;
}
