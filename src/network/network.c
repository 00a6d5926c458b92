#include "network/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "network/network_images.h"

/* PyTorch's defaults, which the published scripts train with. */
static const adam_options adam_defaults = {.learning_rate = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f};

static bool is_dense(const network *w)
{
    return model_kind_of(w->model) == MODEL_DENSE;
}

int network_new(device *d, model *m, network_input input, uint64_t seed, network **out)
{
    int rc = OK;
    network *w = memory_new(1, sizeof *w);
    if (!w) {
        model_free(m);
        return FAILED;
    }
    *w = (network){.device = d, .model = m, .input = input, .gamma = 1, .ignore_class = -1, .adam = adam_defaults};
    w->head_loss = (paps_loss){.centre = 1, .size = 1, .shape = 1, .class = 1, .beta = 4};
    TRY(net_new(d, seed, &w->net));
    if (model_head(m)) TRY(paps_new(model_head(m), w->net, &w->head));
    TRY(is_dense(w) ? images_parameters(w) : network_record(w, false, 2, 2, 1)); /* any size: it makes the parameters */
    *out = w;
    w = NULL;
done:
    network_free(w);
    return rc;
}

void network_free(network *w)
{
    if (!w) return;
    images_release(w);
    paps_free(w->head);
    net_free(w->net);
    model_free(w->model);
    buffer_free(w->exp_avg);
    buffer_free(w->exp_avg_sq);
    free(w->class_weight);
    free(w);
}

int network_class_weights(network *w, const float *weight)
{
    const size_t classes = (size_t)model_classes(w->model);
    if (w->class_weight || w->training) panic("classes' weights change while the network trains");
    w->class_weight = memory_new(classes, sizeof *weight);
    if (!w->class_weight) return FAILED;
    memcpy(w->class_weight, weight, classes * sizeof *weight);
    return OK;
}

/* ---- parcels ----------------------------------------------------------------------------------------------------- */

static void given_weights(const void *user, float *values)
{
    const network *w = user;
    memcpy(values, w->class_weight, (size_t)model_classes(w->model) * sizeof *values);
}

static tensor *loss_weights(network *w)
{
    if (!w->class_weight) return NULL;
    return net_constant(w->net, "classes' weights", SHAPE(model_classes(w->model)), given_weights, w);
}

static int parcels_record(network *w, bool training, int parcels, int frames)
{
    int rc = OK;
    net *n = w->net;
    const network_input *input = &w->input;
    bool extra = model_extra(w->model) > 0 && input->extra > 0;
    const shape table = SHAPE(input->position_lines, input->table_channels);
    net_begin(n, training);
    w->in = (parcel_inputs){
        .x = net_input_given(n, "x", ELEMENT_FLOAT, SHAPE(frames, input->npixel, input->bands)),
        .mask = net_input_given(n, "mask", ELEMENT_FLOAT, SHAPE(frames, input->npixel)),
        .extra = extra ? net_input_given(n, "extra", ELEMENT_FLOAT, SHAPE(frames, input->extra)) : NULL,
        .offsets = net_input_given(n, "offsets", ELEMENT_INT, SHAPE(parcels + 1)),
        .positions = net_input_given(n, "positions", ELEMENT_INT, SHAPE(frames)),
        .first_position = input->first_position,
        .position_lines = input->position_lines,
        .longest = input->longest,
        .position_table = input->position_table ? net_input_given(n, "position_table", ELEMENT_FLOAT, table) : NULL,
    };
    w->out = model_build(w->model, n, &w->in);
    w->logits = w->out.logits;
    net_keep(n, w->logits);
    if (w->keep_spatial) net_keep(n, w->out.spatial);
    if (w->keep_attention) net_keep(n, w->out.attention);
    w->target = w->loss = NULL;
    if (training) {
        w->target = net_input_given(n, "target", ELEMENT_INT, SHAPE(parcels));
        w->loss = focal_loss(n, w->logits, w->target, loss_weights(w), w->gamma);
        net_keep(n, w->loss);
    }
    TRY(net_plan(n, &w->layout.bytes));
done:
    return rc;
}

static int parcels_use(network *w, const batch *b)
{
    int rc = OK;
    TRY(net_input_use(w->net, w->in.x, b->x));
    TRY(net_input_use(w->net, w->in.mask, b->mask));
    if (w->in.extra) TRY(net_input_use(w->net, w->in.extra, b->extra));
    TRY(net_input_use(w->net, w->in.offsets, b->offsets));
    TRY(net_input_use(w->net, w->in.positions, b->positions));
    if (w->in.position_table) TRY(net_input_use(w->net, w->in.position_table, w->input.position_table));
done:
    return rc;
}

/* ---- either ------------------------------------------------------------------------------------------------------ */

int network_record(network *w, bool training, int samples, int frames, int longest)
{
    if (!is_dense(w)) longest = 0; /* nothing of the tape depends on it */
    const bool truth = w->head && (training || w->truth);
    const bool same = w->samples == samples && w->frames == frames && w->longest == longest &&
                      w->recorded_truth == truth && w->recorded_heatmap_only == w->heatmap_only;
    if (w->recorded && w->training == training && same) return OK;
    w->recorded = false;
    w->recorded_truth = truth;
    w->recorded_heatmap_only = w->heatmap_only;
    int rc = is_dense(w) ? images_record(w, training, samples, frames, longest)
                         : parcels_record(w, training, samples, frames);
    if (rc) return rc;
    if (w->layout.bytes > w->peak_bytes) w->peak_bytes = w->layout.bytes;
    w->training = training;
    w->samples = samples;
    w->frames = frames;
    w->longest = longest;
    w->recorded = true;
    return OK;
}

int network_use(network *w, bool training, const batch *b)
{
    int rc = OK;
    w->truth = b->parcels && b->heatmap;
    TRY(network_record(w, training, b->samples, b->frames, b->longest));
    TRY(is_dense(w) ? images_use(w, b) : parcels_use(w, b));
    if (w->target) TRY(net_input_use(w->net, w->target, b->target));
done:
    return rc;
}

int network_forward(network *w, uint64_t step)
{
    return net_forward(w->net, step);
}

const tensor *network_attention(const network *w)
{
    return is_dense(w) ? w->image_out.attention : w->out.attention;
}

int network_optimiser(network *w)
{
    int rc = OK;
    buffer *values, *gradients;
    size_t count;
    buffer *average = NULL, *square = NULL;
    if (w->exp_avg) return OK;
    TRY(net_flat(w->net, &values, &gradients, &count));
    TRY(buffer_new(w->device, count * sizeof(float), &average));
    TRY(buffer_new(w->device, count * sizeof(float), &square));
    TRY(buffer_fill(average, 0, 0, count * sizeof(float)));
    TRY(buffer_fill(square, 0, 0, count * sizeof(float)));
    w->exp_avg = average; /* both or neither: who asks again after a failure must not find half */
    w->exp_avg_sq = square;
    average = square = NULL;
done:
    buffer_free(average);
    buffer_free(square);
    return rc;
}

int network_learn(network *w, uint64_t step)
{
    int rc = OK;
    buffer *values, *gradients;
    size_t count;
    TRY(net_backward(w->net, w->loss, step));
    TRY(network_optimiser(w));
    TRY(net_flat(w->net, &values, &gradients, &count));
    TRY(adam_step(w->device, values, gradients, w->exp_avg, w->exp_avg_sq, count, w->adam, ++w->adam_step));
    net_parameters_changed(w->net);
done:
    return rc;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

size_t network_value_count(const network *w)
{
    size_t count = 0;
    for (int i = 0; i < net_parameter_count(w->net); i++) count += tensor_count(net_parameter_at(w->net, i));
    return count;
}

int network_values(network *w, float **out)
{
    int rc = OK;
    size_t at = 0;
    float *values = memory_new(network_value_count(w), sizeof *values);
    TRY_NEW(values);
    for (int i = 0; i < net_parameter_count(w->net); i++) {
        const tensor *p = net_parameter_at(w->net, i);
        TRY(net_parameter_read(w->net, p, values + at));
        at += tensor_count(p);
    }
    *out = values;
    values = NULL;
done:
    free(values);
    return rc;
}

int network_set_values(network *w, const float *values)
{
    int rc = OK;
    size_t at = 0;
    for (int i = 0; i < net_parameter_count(w->net); i++) {
        tensor *p = net_parameter_at(w->net, i);
        TRY(net_parameter_write(w->net, p, values + at));
        at += tensor_count(p);
    }
    net_parameters_changed(w->net);
done:
    return rc;
}

size_t network_fixed_bytes(const network *w, int frames)
{
    const network_input *i = &w->input;
    const size_t pixels = is_dense(w) ? (size_t)i->height * (size_t)i->width : (size_t)i->npixel;
    return (4 * network_value_count(w) + (size_t)frames * pixels * (size_t)i->bands) * sizeof(float);
}
