/* One file of reference results of a network, for parcels or for images (docs/formats.md has the limits). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "verify/reference.h"
#include "verify/verify.h"
#include "verify/verify_paps.h"
#include "weights/checkpoint.h"

static const double output_limit = 1e-4, buffer_limit = 1e-4, gradient_floor = 1e-5, gradient_share = 1e-6;

/* What differs between the kinds: in images a ReLU that flips costs more. */
typedef struct limits {
    double loss, gradient;
} limits;
static const limits parcel_limits = {2e-3, 2e-3}, image_limits = {2e-2, 5e-3};

enum { VOID_CLASS = 19 /* weighs nothing in the loss of an image file */ };

typedef struct reference {
    h5 *file;
    verify_report *report;
    device *device;
    network *network;
    reference_input input;
    limits limits;
    double pad_value;      /* images */
    reference_truth truth; /* with a head */
} reference;

/* ---- the network ------------------------------------------------------------------------------------------------- */

/* The published constructor's arguments, without dropout. */
static int read_model(reference *r, model **out)
{
    int rc = OK;
    char *text = NULL;
    cJSON *config = NULL;
    TRY(h5_get_text(r->file, "/", "model", &text));
    TRY(json_parse(text, strlen(text), h5_path(r->file), &config));
    static const char *const none[] = {"dropout", "attention_dropout"};
    cJSON *encoder = cJSON_GetObjectItemCaseSensitive(config, "encoder"), *inner = encoder ? encoder : config;
    for (int i = 0; i < 2; i++) {
        if (!model_has_setting(inner, none[i])) continue;
        cJSON_DeleteItemFromObjectCaseSensitive(inner, none[i]);
        cJSON_AddNumberToObject(inner, none[i], 0);
    }
    TRY(json_lost());
    const cJSON *pad = cJSON_GetObjectItemCaseSensitive(inner, "pad_value");
    r->pad_value = cJSON_IsNumber(pad) ? pad->valuedouble : 0;
    TRY(model_new(config, h5_path(r->file), out));
done:
    cJSON_Delete(config);
    free(text);
    return rc;
}

static int make_network(reference *r, model *m)
{
    int rc = network_new(r->device, m, r->input.input, 1, &r->network);
    if (rc) return rc;
    r->network->keep_spatial = true;
    r->network->padding = PADDING_ALWAYS;
    r->network->exact = true;
    r->network->ignore_class = model_kind_of(m) == MODEL_DENSE ? VOID_CLASS : -1;
    return OK;
}

static int read_input(reference *r, const model *m)
{
    if (model_kind_of(m) == MODEL_DENSE) {
        r->limits = image_limits;
        int rc = reference_read_images(&r->input, m, r->pad_value);
        if (!rc && model_head(m)) rc = reference_read_truth(&r->input, model_classes(m), &r->truth);
        return rc;
    }
    r->limits = parcel_limits;
    return reference_read_parcels(&r->input, m);
}

static char *key_path(const char *group, const tensor *p)
{
    return text_format("%s/%s", group, p->name);
}

/* The file's values of a parameter, as many as it has. A gradient that it does not have is zero, a buffer stays as it
 * was: of parameters that the published code keeps without using them in training. */
static int read_values(reference *r, const char *group, const tensor *p, float **out)
{
    int rc = OK;
    bool there = true;
    float *values = NULL;
    char *path = key_path(group, p);
    TRY_NEW(path);
    TRY_NEW(values = memory_new(tensor_count(p), sizeof *values));
    if (strcmp(group, "/weights")) TRY(h5_exists(r->file, path, &there));
    if (!there && !strcmp(group, "/train/buffers")) {
        free(path);
        free(values);
        return read_values(r, "/weights", p, out);
    }
    if (there) TRY(h5_read(r->file, path, NUMBER_F32, tensor_count(p), values));
    *out = values;
    values = NULL;
done:
    free(values);
    free(path);
    return rc;
}

static int load_weights(reference *r)
{
    int rc = OK;
    net *n = r->network->net;
    for (int i = 0; i < net_parameter_count(n); i++) {
        tensor *p = net_parameter_at(n, i);
        float *values = NULL;
        rc = read_values(r, "/weights", p, &values);
        if (!rc) rc = net_parameter_write(n, p, values);
        free(values);
        if (rc) goto done;
    }
    net_parameters_changed(n);
done:
    return rc;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

typedef struct difference {
    double largest, reference; /* max abs */
    double norm, reference_norm;
} difference;

static difference compare(const float *got, const float *wanted, size_t count)
{
    difference d = {0};
    for (size_t i = 0; i < count; i++) {
        double error = fabs((double)got[i] - (double)wanted[i]);
        if (!(error <= d.largest)) d.largest = error; /* keeps a NaN: nothing is greater than it */
        if (isnan(error)) return (difference){error, error, error, error};
        d.reference = fmax(d.reference, fabs((double)wanted[i]));
        d.norm += error * error;
        d.reference_norm += (double)wanted[i] * (double)wanted[i];
    }
    d.norm = sqrt(d.norm);
    d.reference_norm = sqrt(d.reference_norm);
    return d;
}

/* `label` (may be ""): what stands before the name. */
static int check_output_as(reference *r, const char *label, const char *path, const tensor *t)
{
    int rc = OK;
    char *name = text_format("%s%s", label, path + 1);
    const size_t count = tensor_count(t), channels = (size_t)tensor_channels(t),
                 patches = (size_t)r->input.batch.samples;
    float *got = memory_new(count, sizeof *got), *stored = memory_new(count, sizeof *stored);
    float *wanted = memory_new(count, sizeof *wanted);
    TRY_NEW(name);
    TRY_NEW(got);
    TRY_NEW(stored);
    TRY_NEW(wanted);
    TRY(h5_read(r->file, path, NUMBER_F32, count, stored));
    TRY(net_read(r->network->net, t, got));
    const bool images = model_kind_of(r->network->model) == MODEL_DENSE;
    reference_channels_last(stored, images ? patches : count / channels, channels,
                            images ? count / channels / patches : 1, wanted);
    difference d = compare(got, wanted, count);
    verify_tell(r->report, name, d.largest, output_limit * fmax(1, d.reference));
done:
    free(name);
    free(got);
    free(stored);
    free(wanted);
    return rc;
}

static int check_output(reference *r, const char *path, const tensor *t)
{
    return check_output_as(r, "", path, t);
}

static int check_eval(reference *r)
{
    int rc = OK;
    bool spatial;
    TRY(load_weights(r));
    TRY(network_use(r->network, false, &r->input.batch));
    TRY(network_forward(r->network, 0));
    if (r->network->head) {
        TRY(check_output(r, "/eval/heatmap", r->network->head_out.heatmap));
        TRY(check_output(r, "/eval/saliency", r->network->head_out.saliency));
        TRY(verify_paps_eval(r->file, r->network, &r->truth, r->report));
        goto done;
    }
    TRY(h5_exists(r->file, "/eval/spatial_encoder", &spatial));
    if (spatial) TRY(check_output(r, "/eval/spatial_encoder", r->network->out.spatial));
    TRY(check_output(r, "/eval/output", r->network->logits));
done:
    return rc;
}

/* ---- one training pass ------------------------------------------------------------------------------------------- */

static int check_loss(reference *r, const char *name, double wanted)
{
    float got;
    int rc = net_read(r->network->net, r->network->loss, &got);
    if (!rc) verify_tell(r->report, name, fabs((double)got - wanted) / fmax(fabs(wanted), 1e-12), r->limits.loss);
    return rc;
}

static int check_buffers(reference *r)
{
    net *n = r->network->net;
    int rc = OK;
    for (int i = 0; i < net_parameter_count(n); i++) {
        tensor *p = net_parameter_at(n, i);
        if (net_parameter_role(n, i) != PARAMETER_STATISTIC) continue;
        float *wanted = NULL, *got = memory_new(tensor_count(p), sizeof *got);
        char *path = key_path("train/buffers", p);
        rc = got && path ? read_values(r, "/train/buffers", p, &wanted) : FAILED;
        if (!rc) rc = net_parameter_read(n, p, got);
        if (!rc) {
            difference d = compare(got, wanted, tensor_count(p));
            verify_tell(r->report, path, d.largest, buffer_limit * fmax(1, d.reference));
        }
        free(wanted);
        free(got);
        free(path);
        if (rc) break;
    }
    return rc;
}

/* The norm over all gradients of the file. */
static int all_gradients_norm(reference *r, double *out)
{
    net *n = r->network->net;
    double sum = 0;
    for (int i = 0; i < net_parameter_count(n); i++) {
        tensor *p = net_parameter_at(n, i);
        float *wanted = NULL;
        if (net_parameter_role(n, i) != PARAMETER_TRAINED) continue;
        int rc = read_values(r, "/train/grad", p, &wanted);
        if (rc) return rc;
        for (size_t k = 0; k < tensor_count(p); k++) sum += (double)wanted[k] * (double)wanted[k];
        free(wanted);
    }
    *out = sqrt(sum);
    return OK;
}

static int check_gradient(reference *r, tensor *p, double all)
{
    int rc = OK;
    float *wanted = NULL, *got = NULL;
    char *path = key_path("train/grad", p);
    TRY_NEW(path);
    TRY_NEW(got = memory_new(tensor_count(p), sizeof *got));
    TRY(read_values(r, "/train/grad", p, &wanted));
    TRY(net_read_gradient(r->network->net, p, got));
    difference d = compare(got, wanted, tensor_count(p));
    double floor_of = fmax(gradient_floor, gradient_share * all);
    verify_tell(r->report, path, d.norm, r->limits.gradient * d.reference_norm + floor_of);
done:
    free(wanted);
    free(got);
    free(path);
    return rc;
}

static int check_gradients(reference *r)
{
    int rc = OK;
    double all = 0;
    net *n = r->network->net;
    TRY(all_gradients_norm(r, &all));
    for (int i = 0; i < net_parameter_count(n); i++)
        if (net_parameter_role(n, i) == PARAMETER_TRAINED) TRY(check_gradient(r, net_parameter_at(n, i), all));
done:
    return rc;
}

static int check_train(reference *r)
{
    int rc = OK;
    float loss;
    TRY(load_weights(r));
    TRY(h5_read(r->file, "/train/loss", NUMBER_F32, 1, &loss));
    TRY(network_use(r->network, true, &r->input.batch));
    TRY(network_forward(r->network, 0));
    TRY(check_loss(r, "train/loss", (double)loss));
    if (r->network->head) TRY(verify_paps_train(r->file, r->network, &r->truth, r->limits.loss, r->report));
    TRY(check_buffers(r));
    TRY(net_backward(r->network->net, r->network->loss, 0));
    TRY(check_gradients(r));
done:
    return rc;
}

/* Adam from the file's weights: each loss is taken before its step. */
static int check_losses(reference *r)
{
    int rc = OK;
    float *losses = NULL;
    h5_about about;
    TRY(h5_read_new(r->file, "/train/losses", NUMBER_F32, 10000, (void **)&losses, &about));
    TRY(load_weights(r));
    for (size_t i = 0; i < about.count; i++) {
        char *name = text_format("train/losses[%zu]", i);
        TRY_NEW(name);
        rc = network_use(r->network, true, &r->input.batch);
        if (!rc) rc = network_forward(r->network, i);
        if (!rc) rc = check_loss(r, name, (double)losses[i]);
        if (!rc) rc = network_learn(r->network, i);
        free(name);
        if (rc) goto done;
    }
done:
    free(losses);
    return rc;
}

/* The network that the file describes, for its input. */
static int open_reference(reference *r)
{
    int rc = OK;
    model *m = NULL;
    TRY(read_model(r, &m));
    TRY(read_input(r, m));
    rc = make_network(r, m);
    m = NULL; /* the network's, whatever came of it */
done:
    model_free(m);
    return rc;
}

static void close_reference(reference *r)
{
    network_free(r->network);
    reference_free(&r->input);
    reference_truth_free(&r->truth);
}

int verify_weights(h5 *file, h5 *input, const char *name, const char *weights, device *d, verify_report *report)
{
    int rc = OK;
    reference r = {.file = file, .report = report, .device = d, .input = {.file = input, .weights = file, .device = d}};
    char *label = text_format("%s: ", name);
    TRY_NEW(label);
    TRY(open_reference(&r));
    if (r.network->head) {
        rc = fail(FAILED, "%s: a checkpoint of a network with a head: wanted one with /eval/output", h5_path(file));
        goto done;
    }
    TRY(checkpoint_load(weights, r.network, CHECKPOINT_WEIGHTS));
    TRY(network_use(r.network, false, &r.input.batch));
    TRY(network_forward(r.network, 0));
    TRY(check_output_as(&r, label, "/eval/output", r.network->logits));
done:
    close_reference(&r);
    free(label);
    return rc;
}

int verify_network(h5 *file, device *d, verify_report *report)
{
    int rc = OK;
    bool train, losses;
    reference r = {.file = file, .report = report, .device = d, .input = {.file = file, .device = d}};
    TRY(open_reference(&r));
    TRY(check_eval(&r));
    TRY(h5_exists(file, "/train", &train));
    if (train) TRY(check_train(&r));
    TRY(h5_exists(file, "/train/losses", &losses));
    if (losses) TRY(check_losses(&r));
done:
    close_reference(&r);
    return rc;
}
