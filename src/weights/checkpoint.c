#include "weights/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/h5.h"

enum { VERSION = 1 };

static int write_array(h5 *file, const char *group, const tensor *p, const float *values)
{
    size_t sizes[RANK_MAX];
    char *path = text_format("%s/%s", group, p->name);
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
