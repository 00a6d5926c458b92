#include "run/network.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

/* PyTorch's defaults, which the published scripts train with. */
static const adam_options adam_defaults = {.learning_rate = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f};

int network_new(device *d, model *m, network_input input, uint64_t seed, network **out)
{
    int rc = OK;
    network *w = memory_new(1, sizeof *w);
    if (!w) {
        model_free(m);
        return FAILED;
    }
    *w = (network){.device = d, .model = m, .input = input, .gamma = 1, .adam = adam_defaults};
    TRY(net_new(d, seed, &w->net));
    TRY(network_record(w, false, 2, 2)); /* any size: it makes the parameters */
    *out = w;
    w = NULL;
done:
    network_free(w);
    return rc;
}

void network_free(network *w)
{
    if (!w) return;
    net_free(w->net);
    model_free(w->model);
    buffer_free(w->exp_avg);
    buffer_free(w->exp_avg_sq);
    free(w);
}

int network_record(network *w, bool training, int parcels, int frames)
{
    if (w->recorded && w->training == training && w->parcels == parcels && w->frames == frames) return OK;
    int rc = OK;
    size_t peak = 0;
    net *n = w->net;
    const network_input *input = &w->input;
    bool extra = model_extra(w->model) > 0 && input->extra > 0;
    const shape table = SHAPE(input->position_lines, input->table_channels);
    w->recorded = false;
    net_begin(n, training);
    w->in = (parcel_inputs){
        .x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(frames, input->npixel, input->bands), false),
        .mask = net_input(n, "mask", ELEMENT_FLOAT, SHAPE(frames, input->npixel), false),
        .extra = extra ? net_input(n, "extra", ELEMENT_FLOAT, SHAPE(frames, input->extra), false) : NULL,
        .offsets = net_input(n, "offsets", ELEMENT_INT, SHAPE(parcels + 1), false),
        .positions = net_input(n, "positions", ELEMENT_INT, SHAPE(frames), false),
        .first_position = input->first_position,
        .position_lines = input->position_lines,
        .longest = input->longest,
        .position_table = input->position_table ? net_input(n, "position_table", ELEMENT_FLOAT, table, false) : NULL,
    };
    w->out = model_build(w->model, n, &w->in);
    net_keep(n, w->out.logits);
    if (w->keep_spatial) net_keep(n, w->out.spatial);
    w->target = w->loss = NULL;
    if (training) {
        w->target = net_input(n, "target", ELEMENT_INT, SHAPE(parcels), false);
        w->loss = focal_loss(n, w->out.logits, w->target, NULL, w->gamma);
        net_keep(n, w->loss);
    }
    TRY(net_plan(n, &peak));
    if (peak > w->peak_bytes) w->peak_bytes = peak;
    w->training = training;
    w->parcels = parcels;
    w->frames = frames;
    w->recorded = true;
done:
    return rc;
}

int network_use(network *w, bool training, const feed_batch *b)
{
    int rc = OK;
    TRY(network_record(w, training, b->parcels, b->frames));
    TRY(net_input_use(w->net, w->in.x, b->x));
    TRY(net_input_use(w->net, w->in.mask, b->mask));
    if (w->in.extra) TRY(net_input_use(w->net, w->in.extra, b->extra));
    TRY(net_input_use(w->net, w->in.offsets, b->offsets));
    TRY(net_input_use(w->net, w->in.positions, b->positions));
    if (w->in.position_table) TRY(net_input_use(w->net, w->in.position_table, w->input.position_table));
    if (w->target) TRY(net_input_use(w->net, w->target, b->target));
done:
    return rc;
}

int network_forward(network *w, uint64_t step)
{
    return net_forward(w->net, step);
}

int network_optimiser(network *w)
{
    int rc = OK;
    buffer *values, *gradients;
    size_t count;
    if (w->exp_avg) return OK;
    TRY(net_flat(w->net, &values, &gradients, &count));
    TRY(buffer_new(w->device, count * sizeof(float), &w->exp_avg));
    TRY(buffer_new(w->device, count * sizeof(float), &w->exp_avg_sq));
    TRY(buffer_fill(w->exp_avg, 0, 0, count * sizeof(float)));
    TRY(buffer_fill(w->exp_avg_sq, 0, 0, count * sizeof(float)));
done:
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

/* ---- a data set's side ------------------------------------------------------------------------------------------- */

network_input network_input_of(const pixelset *s, const model *m, int npixel)
{
    bool dates = model_positions_are_dates(m);
    int first = dates ? pixelset_first_position(s) : 1, longest = pixelset_longest(s);
    return (network_input){
        .npixel = npixel,
        .bands = pixelset_bands(s),
        .extra = pixelset_extra(s),
        .first_position = first,
        .position_lines = dates ? pixelset_last_position(s) - first + 1 : longest,
        .longest = longest,
    };
}

/* Adds a line to a growing list of complaints. */
static void complain(char **list, char *line)
{
    char *longer = line ? text_format("%s\n  %s", *list ? *list : "", line) : NULL;
    free(line);
    if (!longer) return;
    free(*list);
    *list = longer;
}

static void compare(char **list, const char *key, int wanted, const char *what, int there)
{
    if (wanted == there) return;
    complain(list, text_format("model.%s is for %d %s, the data have %d", key, wanted, what, there));
}

int network_fits(const model *m, const pixelset *s, bool classes, const char *where)
{
    char *list = NULL;
    int rc = OK;
    compare(&list, "input_dim", model_bands(m), "bands", pixelset_bands(s));
    if (model_extra(m))
        compare(&list, "extra_size", model_extra(m), "extra features (data.extra_feature)", pixelset_extra(s));
    if (classes) compare(&list, "mlp4", model_classes(m), "classes (its last width)", pixelset_classes(s));
    if (model_positions_are_dates(m) && !pixelset_has_dates(s))
        complain(&list, text_copy("model.positions is \"dates\", but the pack has none (META/dates.json); wanted "
                                  "\"order\""));
    if (list)
        rc = fail(USAGE, "%s: the model does not fit the data (a key left out is read off the data):%s", where, list);
    free(list);
    return rc;
}
