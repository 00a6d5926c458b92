/* furrow_weights_import and furrow_weights_export. */
#include "run/weights_import.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/ahead.h"
#include "format/safetensors.h"
#include "furrow.h"
#include "run/session.h"
#include "run/stac_item.h"
#include "weights/checkpoint.h"
#include "weights/weights_fit.h"

enum { VERSION = 1 };

static const char *const groups[TENSOR_GROUPS] = {"/weights", "/optimizer/exp_avg", "/optimizer/exp_avg_sq"};

/* ---- import ------------------------------------------------------------------------------------------------------ */

/* Tensors on their way. Unless they are very large, a thread reads the next one while one is written; from HDF5, which is
 * not for two threads at once, they are read in between. */
typedef struct transfer {
    tensor_file *from;
    h5 *to;
    enum tensor_group group;
    void *room[2]; /* each for the largest; the second NULL: no thread */
} transfer;

enum { READ_AHEAD_BYTES = 16 << 20 };

static int transfer_room(transfer *t)
{
    int rc = tensor_file_room(t->from, &t->room[0]);
    if (rc || tensor_file_largest(t->from) > READ_AHEAD_BYTES || tensor_file_h5(t->from)) return rc;
    return tensor_file_room(t->from, &t->room[1]);
}

static int read_tensor(void *user, const ahead *a, int item, int slot)
{
    const transfer *t = user;
    const tensor_entry *e = tensor_file_at(t->from, t->group, (size_t)item);
    (void)a;
    return tensor_file_read(t->from, e, e->type, t->room[slot]);
}

static int write_tensor(const transfer *t, int item, int slot)
{
    int rc = OK;
    const tensor_entry *e = tensor_file_at(t->from, t->group, (size_t)item);
    char *path = text_format("%s/%s", groups[t->group], e->name);
    TRY_NEW(path);
    TRY(h5_write(t->to, path, e->type, e->rank, e->shape, t->room[slot]));
    if (e->truth) TRY(h5_set_text(t->to, path, "type", "bool"));
done:
    free(path);
    return rc;
}

static int write_group(transfer *t, enum tensor_group g)
{
    const int count = (int)tensor_file_count(t->from, g);
    int rc = OK, slot = 0;
    ahead *reading = NULL;
    t->group = g;
    TRY(h5_new_group(t->to, groups[g]));
    if (t->room[1])
        TRY(ahead_start((ahead_plan){.items = count, .slots = 2, .held = 1, .fill = read_tensor, .user = t}, &reading));
    for (int i = 0; i < count; i++) {
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted");
            goto done;
        }
        TRY(reading ? ahead_next(reading, &slot) : read_tensor(t, NULL, i, slot));
        TRY(write_tensor(t, i, slot));
        log_progress("tensors", (size_t)i + 1, (size_t)count, "");
    }
done:
    ahead_stop(reading);
    return rc;
}

static int write_optimiser(transfer *t)
{
    int rc = OK;
    int64_t step;
    if (!tensor_file_step(t->from, &step)) return OK;
    TRY(h5_new_group(t->to, "/optimizer"));
    TRY(write_group(t, TENSOR_EXP_AVG));
    TRY(write_group(t, TENSOR_EXP_AVG_SQ));
    TRY(h5_write(t->to, "/optimizer/step", NUMBER_I64, 0, NULL, &step));
done:
    return rc;
}

static int copy_attribute(h5 *from, h5 *to, const char *name)
{
    char *text = NULL;
    bool there;
    int rc = h5_has_attribute(from, "/", name, &there);
    if (rc || !there) return rc;
    rc = h5_get_text(from, "/", name, &text);
    if (!rc) rc = h5_set_text(to, "/", name, text);
    free(text);
    return rc;
}

/* {"imported": format, "epoch", "step"}: what resuming finds in the state of a checkpoint of furrow's. */
static int write_state(tensor_file *from, h5 *to)
{
    int64_t epoch, step;
    cJSON *state = cJSON_CreateObject();
    cJSON_AddStringToObject(state, "imported", tensor_file_format(from));
    if (tensor_file_epoch(from, &epoch)) cJSON_AddNumberToObject(state, "epoch", (double)epoch);
    if (tensor_file_step(from, &step)) cJSON_AddNumberToObject(state, "step", (double)step);
    char *text = json_print(state, false);
    cJSON_Delete(state);
    if (!text) return FAILED;
    int rc = h5_set_text(to, "/", "state", text);
    free(text);
    return rc;
}

static int write_head(tensor_file *from, h5 *to)
{
    int rc = OK;
    h5 *own = tensor_file_h5(from);
    TRY(h5_set_text(to, "/", "furrow_format", "checkpoint"));
    TRY(h5_set_int(to, "/", "version", VERSION));
    if (!own) {
        rc = write_state(from, to);
        goto done;
    }
    TRY(copy_attribute(own, to, "model"));
    TRY(copy_attribute(own, to, "state"));
    TRY(copy_attribute(own, to, "forms"));
done:
    return rc;
}

int weights_import(tensor_file *from, const char *path)
{
    int rc = OK, closed;
    transfer t = {.from = from};
    char *temporary = file_temporary(path);
    TRY_NEW(temporary);
    TRY(transfer_room(&t));
    TRY(h5_create(temporary, &t.to));
    TRY(write_head(from, t.to));
    TRY(write_group(&t, TENSOR_WEIGHTS));
    TRY(write_optimiser(&t));
    TRY(h5_set_int(t.to, "/", "complete", 1));
done:
    closed = h5_close(t.to);
    if (!rc) rc = closed;
    if (!rc)
        rc = file_commit(temporary, path);
    else if (temporary)
        remove(temporary);
    free(temporary);
    free(t.room[0]);
    free(t.room[1]);
    return rc;
}

/* ---- the two commands -------------------------------------------------------------------------------------------- */

static int describe(tensor_file *f, const char *out, char **json)
{
    int64_t epoch, step;
    double values = 0, bytes = 0;
    const char *note = tensor_file_optimiser_note(f);
    cJSON *all = cJSON_CreateObject();
    const size_t count = tensor_file_count(f, TENSOR_WEIGHTS);
    for (size_t i = 0; i < count; i++) {
        values += (double)tensor_file_at(f, TENSOR_WEIGHTS, i)->count;
        bytes += (double)tensor_bytes(tensor_file_at(f, TENSOR_WEIGHTS, i));
    }
    cJSON_AddStringToObject(all, "file", tensor_file_path(f));
    cJSON_AddStringToObject(all, "format", tensor_file_format(f));
    cJSON_AddStringToObject(all, "out", out);
    cJSON_AddNumberToObject(all, "tensors", (double)count);
    cJSON_AddNumberToObject(all, "values", values);
    cJSON_AddNumberToObject(all, "bytes", bytes);
    if (tensor_file_epoch(f, &epoch)) cJSON_AddNumberToObject(all, "epoch", (double)epoch);
    if (tensor_file_step(f, &step)) cJSON_AddNumberToObject(all, "step", (double)step);
    if (note) cJSON_AddStringToObject(all, "optimizer_left", note);
    return json_text(all, json);
}

int furrow_weights_import(const char *from, const char *to, char **json)
{
    int rc = OK;
    tensor_file *f = NULL;
    *json = NULL;
    TRY(tensor_file_open(from, &f));
    TRY(weights_import(f, to));
    if (tensor_file_optimiser_note(f))
        log_warning("%s: its optimiser's state is left: %s", from, tensor_file_optimiser_note(f));
    TRY(describe(f, to, json));
done:
    tensor_file_close(f);
    return rc;
}

int furrow_weights_export(const char *from, const char *to, char **json)
{
    int rc = OK;
    tensor_file *f = NULL;
    *json = NULL;
    TRY(tensor_file_open(from, &f));
    TRY(weights_give_positions(f));
    TRY(safetensors_write(to, f));
    TRY(describe(f, to, json));
done:
    tensor_file_close(f);
    return rc;
}

/* ---- a description ------------------------------------------------------------------------------------------------- */

static int64_t parameters_of(const tensor_file *f)
{
    int64_t values = 0;
    for (size_t i = 0; i < tensor_file_count(f, TENSOR_WEIGHTS); i++) {
        const tensor_entry *e = tensor_file_at(f, TENSOR_WEIGHTS, i);
        if (!number_is_integer(e->type)) values += (int64_t)e->count;
    }
    return values;
}

int furrow_weights_describe(const furrow_run_options *o, const char *bands, const char *exported, const char *item,
                            char **json)
{
    int rc = OK;
    session s = {0};
    model *m = NULL;
    tensor_file *f = NULL;
    cJSON *state = NULL, *all = NULL;
    stac_model described = {.s = &s, .bands = bands, .exported = exported, .item = item};
    *json = NULL;
    if (!o->config || !o->weights) return fail(USAGE, "a description needs a configuration and the weights");
    TRY(session_read(o, false, o->weights, &s));
    TRY(model_new(s.model, s.where, &m));
    TRY(tensor_file_open(exported, &f));
    TRY(checkpoint_peek(o->weights, NULL, &state));
    described.model = m;
    described.classes = model_classes(m);
    described.parameters = parameters_of(f);
    TRY(class_names(&s, state, described.classes, &described.names));
    TRY(stac_item(&described, &all));
    TRY(json_write(item, all));
    rc = json_text(all, json);
    all = NULL;
done:
    cJSON_Delete(all);
    cJSON_Delete(state);
    names_free(described.names, described.classes);
    tensor_file_close(f);
    model_free(m);
    session_close(&s);
    return rc;
}
