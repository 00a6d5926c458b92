#include "model/paps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "layer/conv_block.h"
#include "model/paps_layers.h"
#include "net/branch.h"

enum { HEAD_WIDTH = 32 /* of the heat map's and saliency's convolutions, published */ };
enum { MAPS = DENSE_MAPS_MAX, SALIENCY = MAPS, HEATMAP, INSTANCES, BRANCH_INPUTS }; /* of the branch of centres */
enum { SHAPES, MASK_SALIENCY, SIZES, MASK_INSTANCES, MASK_INPUTS };                 /* of the branch of masks */

struct paps {
    const paps_config *config;
    paps_loss loss;
    bool losses; /* of this tape */
    int patches, height, width, maps;
    const paps_truth *truth; /* of this pass; NULL: none */
    branch *centres, *masks;
    centre_list list;
    /* of this pass, for `capacity` centres or mask values; on the device ints and floats lie in one table each */
    int32_t *parcel;
    crop *crops;
    float *heat, *size_read, *confidence, *score_read, *mask_read;
    float *size_target;
    int32_t *class_target;
    int values;
    buffer *centre_table, *size_table, *class_table, *parcel_table, *crop_table;
    tensor *size, *score, *mask;
    tensor *size_loss, *class_loss, *shape_loss; /* NULL: none */
};

/* ---- tables that a branch reads ------------------------------------------------------------------------------------ */

/* An input of n with `count` rows of `each` 4-byte values, from the host, in *table (grown as needed). */
static int input_table(net *n, const char *name, enum element e, int count, int each, const void *values,
                       buffer **table, tensor **out)
{
    int rc = OK;
    const size_t bytes = (size_t)count * (size_t)each * 4;
    if (!*table || buffer_size(*table) < bytes) {
        buffer_free(*table);
        *table = NULL;
        TRY(buffer_new(net_device(n), 2 * bytes, table));
    }
    TRY(buffer_write(*table, 0, values, bytes));
    *out = net_input_given(n, name, e, each > 1 ? SHAPE(count, each) : SHAPE(count));
    if (*out) TRY(net_input_use(n, *out, *table));
done:
    return rc;
}

/* Replaces *values by room for `count` elements of `size` bytes. */
static int room(void *values, size_t count, size_t size)
{
    void *fresh = memory_new(count, size), **slot = values;
    if (!fresh) return FAILED;
    free(*slot);
    *slot = fresh;
    return OK;
}

/* ---- the branch of masks ------------------------------------------------------------------------------------------- */

static tensor *masks_of(const paps *p, net *n, tensor *const *in, tensor *crops)
{
    const bool cnn = p->config->mask_conv;
    tensor *start = crop_values(n, in[SHAPES], in[MASK_SALIENCY], crops, p->values, cnn ? CROP_SUM : CROP_GATE);
    return cnn ? gate(n, start, mask_cnn(n, start, crops, paps_mask_parameters(n))) : start;
}

/* Parcel of each crop: its id, -1: none. */
static int record_shape_loss(paps *p, net *n, tensor *const *in, tensor *crops, tensor **loss)
{
    int rc = OK;
    tensor *parcels = NULL;
    int32_t *ids = memory_new((size_t)p->list.count, sizeof *ids);
    TRY_NEW(ids);
    for (int i = 0; i < p->list.count; i++) ids[i] = p->parcel[i] > 0 ? p->parcel[i] : -1;
    TRY(input_table(n, "parcels", ELEMENT_INT, p->list.count, 1, ids, &p->parcel_table, &parcels));
    p->shape_loss = shape_loss(n, p->mask, in[MASK_INSTANCES], crops, parcels);
    net_keep(n, p->shape_loss);
    *loss = loss_sum(n, &p->shape_loss, &p->loss.shape, 1);
done:
    free(ids);
    return rc;
}

static int record_masks(void *user, net *n, tensor *const *in, tensor **loss)
{
    int rc = OK;
    paps *p = user;
    tensor *crops = NULL;
    const size_t count = (size_t)p->list.count;
    TRY(room(&p->size_read, 2 * count, sizeof(float)));
    TRY(room(&p->crops, count, sizeof(crop)));
    TRY(net_read(n, in[SIZES], p->size_read));
    TRY(crops_of_sizes(&p->list, p->size_read, p->height, p->width, p->crops, &p->values));
    TRY(input_table(n, "crops", ELEMENT_INT, p->list.count, CROP_INTS, p->crops, &p->crop_table, &crops));
    p->mask = masks_of(p, n, in, crops);
    net_keep(n, p->mask);
    if (p->losses && p->truth && p->loss.shape != 0) TRY(record_shape_loss(p, n, in, crops, loss));
done:
    return rc;
}

/* ---- the branch of centres ----------------------------------------------------------------------------------------- */

static const paps_parcel *parcel_of(const paps *p, int i)
{
    return p->parcel[i] > 0 ? &p->truth->parcel[p->truth->first[p->list.item[i].patch] + p->parcel[i]] : NULL;
}

static size_t pixel_of(const paps *p, const centre *c)
{
    return ((size_t)c->patch * (size_t)p->height + (size_t)c->row) * (size_t)p->width + (size_t)c->column;
}

/* What the true parcels say about the centres: a negative number where there is none. */
static int find_targets(paps *p)
{
    int rc = OK;
    const size_t count = (size_t)p->list.count;
    TRY(room(&p->parcel, count, sizeof(int32_t)));
    TRY(room(&p->size_target, 2 * count, sizeof(float)));
    TRY(room(&p->class_target, count, sizeof(int32_t)));
    if (!p->truth) goto done;
    for (int i = 0; i < p->list.count; i++) {
        p->parcel[i] = p->truth->zone[pixel_of(p, &p->list.item[i])];
        const paps_parcel *truth = parcel_of(p, i);
        p->size_target[2 * i] = truth ? (float)truth->height : -1;
        p->size_target[2 * i + 1] = truth ? (float)truth->width : -1;
        p->class_target[i] = truth && truth->class != p->loss.void_class ? truth->class : -1;
    }
done:
    return rc;
}

static int find_centres(paps *p, net *n, const tensor *heatmap)
{
    int rc = OK;
    TRY(room(&p->heat, tensor_count(heatmap), sizeof(float)));
    TRY(net_read(n, heatmap, p->heat));
    if ((net_training(n) || p->loss.zones_always) && p->truth && !p->loss.every_maximum)
        TRY(centres_of_zones(p->heat, p->truth->zone, p->truth->first, p->patches, p->height, p->width, &p->list));
    else
        TRY(centres_of_maxima(p->heat, p->patches, p->height, p->width, &p->list));
    TRY(room(&p->confidence, (size_t)p->list.count, sizeof(float)));
    for (int i = 0; i < p->list.count; i++) p->confidence[i] = p->heat[pixel_of(p, &p->list.item[i])];
    TRY(find_targets(p));
done:
    return rc;
}

static void given_weights(const void *user, float *values)
{
    const paps *p = user;
    memcpy(values, p->loss.class_weight, (size_t)p->config->num_classes * sizeof *values);
}

/* Of the classes; NULL: all weigh the same. */
static tensor *loss_weights(paps *p, net *n)
{
    if (!p->loss.class_weight) return NULL;
    return net_constant(n, "classes' weights", SHAPE(p->config->num_classes), given_weights, p);
}

static int record_centre_losses(paps *p, net *n)
{
    int rc = OK;
    const int count = p->list.count;
    tensor *size = NULL, *class = NULL;
    if (p->loss.size != 0) {
        TRY(input_table(n, "true sizes", ELEMENT_FLOAT, count, 2, p->size_target, &p->size_table, &size));
        p->size_loss = size_loss(n, p->size, size);
        net_keep(n, p->size_loss);
    }
    if (p->loss.class != 0) {
        TRY(input_table(n, "true classes", ELEMENT_INT, count, 1, p->class_target, &p->class_table, &class));
        p->class_loss = focal_loss(n, p->score, class, loss_weights(p, n), 0);
        net_keep(n, p->class_loss);
    }
done:
    return rc;
}

static int record_centres(void *user, net *n, tensor *const *in, tensor **loss)
{
    int rc = OK;
    paps *p = user;
    tensor *centres = NULL;
    p->size = p->score = p->mask = p->size_loss = p->class_loss = p->shape_loss = NULL;
    p->values = 0;
    TRY(find_centres(p, n, in[p->maps + HEATMAP - MAPS]));
    if (!p->list.count) goto done;
    TRY(input_table(n, "centres", ELEMENT_INT, p->list.count, 3, p->list.item, &p->centre_table, &centres));
    tensor *stack = centre_features(n, in, p->maps, centres);
    if (!stack) goto done;
    const int width = tensor_channels(stack);
    p->size = softplus(n, paps_size_mlp(n, stack, width));
    p->score = paps_class_mlp(n, stack, width, p->config->num_classes);
    tensor *shapes = paps_shape_mlp(n, stack, width, p->config->shape_size);
    net_keep(n, p->size);
    net_keep(n, p->score);
    const bool losses = p->losses && p->truth;
    if (losses) TRY(record_centre_losses(p, n));
    tensor *const mask_in[MASK_INPUTS] = {shapes, in[p->maps + SALIENCY - MAPS], p->size,
                                          losses ? in[p->maps + INSTANCES - MAPS] : NULL};
    tensor *masks = branch_loss(n, p->masks, mask_in, losses ? MASK_INPUTS : MASK_INSTANCES);
    tensor *const terms[] = {p->size_loss, p->class_loss, masks};
    const float coefficients[] = {p->loss.size, p->loss.class, 1};
    if (losses) *loss = loss_sum(n, terms, coefficients, 3);
done:
    return rc;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

int paps_new(const paps_config *c, net *trunk, paps **out)
{
    int rc = OK;
    paps *p = memory_new(1, sizeof *p);
    TRY_NEW(p);
    p->config = c;
    TRY(branch_new(trunk, record_centres, p, &p->centres));
    TRY(branch_new(trunk, record_masks, p, &p->masks));
    *out = p;
    p = NULL;
done:
    paps_free(p);
    return rc;
}

void paps_free(paps *p)
{
    if (!p) return;
    branch_free(p->centres);
    branch_free(p->masks);
    buffer *const tables[] = {p->centre_table, p->size_table, p->class_table, p->parcel_table, p->crop_table};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) buffer_free(tables[i]);
    void *const values[] = {p->parcel,     p->crops,     p->heat,        p->size_read,   p->confidence,
                            p->score_read, p->mask_read, p->size_target, p->class_target};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) free(values[i]);
    centre_list_free(&p->list);
    free(p);
}

void paps_use(paps *p, const paps_truth *truth)
{
    p->truth = truth;
    p->list.count = 0;
}

/* ---- the trunk ----------------------------------------------------------------------------------------------------- */

/* Two convolutions to one channel; always reflect padding and batch norm, as published. */
static tensor *one_channel(net *n, const char *prefix, tensor *x, bool exact)
{
    if (!x) return NULL;
    const conv_settings s = {.norm = NORM_BATCH, .padding = PADDING_REFLECT, .exact = exact};
    return conv_layer_linear(n, prefix, x, (int[]){tensor_channels(x), HEAD_WIDTH, 1}, 3, &s);
}

static int stack_width(const dense_outputs *f)
{
    int width = 0;
    for (int k = 0; k < f->maps; k++) width += f->map[k] ? tensor_channels(f->map[k]) : 0;
    return width;
}

/* The branch's value, which is part of the loss. */
static tensor *record_branch(paps *p, net *n, const paps_inputs *in, const paps_outputs *out)
{
    tensor *inputs[BRANCH_INPUTS];
    int count = 0;
    for (int k = 0; k < in->features->maps; k++) inputs[count++] = in->features->map[k];
    inputs[count++] = out->saliency;
    inputs[count++] = out->heatmap;
    if (p->losses) inputs[count++] = in->instances;
    return branch_loss(n, p->centres, inputs, count);
}

paps_outputs paps_build(paps *p, net *n, const paps_inputs *in, const paps_loss *loss)
{
    paps_outputs out = {0};
    const dense_outputs *f = in->features;
    tensor *features = f->maps ? f->map[f->maps - 1] : NULL;
    paps_parameters(n, p->config, stack_width(f));
    out.heatmap = sigmoid(n, one_channel(n, "heatmap_conv.0", features, in->exact));
    out.saliency = materialise(n, one_channel(n, "saliency_conv", features, in->exact));
    if (!out.heatmap || !out.saliency) return out;
    p->patches = out.heatmap->shape.size[0];
    p->height = out.heatmap->shape.size[1];
    p->width = out.heatmap->shape.size[2];
    p->maps = f->maps;
    p->losses = in->heatmap != NULL;
    if (loss) p->loss = *loss;
    net_keep(n, out.heatmap);
    net_keep(n, out.saliency);
    if (p->losses && loss->centre != 0) out.centre_loss = centre_loss(n, out.heatmap, in->heatmap, loss->beta);
    net_keep(n, out.centre_loss);
    tensor *rest = in->heatmap_only ? NULL : record_branch(p, n, in, &out);
    if (!p->losses) return out;
    out.loss = loss_sum(n, (tensor *const[]){out.centre_loss, rest}, (const float[]){loss->centre, 1}, 2);
    net_keep(n, out.loss);
    return out;
}

/* ---- results ------------------------------------------------------------------------------------------------------- */

static int read_values(net *n, const tensor *t, float **out)
{
    int rc = OK;
    TRY(room(out, tensor_count(t), sizeof(float)));
    TRY(net_read(n, t, *out));
done:
    return rc;
}

static int read_loss(net *n, const tensor *t, float *out)
{
    *out = NAN;
    return t ? net_read(n, t, out) : OK;
}

int paps_read(paps *p, paps_found *out)
{
    int rc = OK;
    net *centres = branch_net(p->centres), *masks = branch_net(p->masks);
    *out = (paps_found){.count = p->list.count,
                        .patches = p->patches,
                        .height = p->height,
                        .width = p->width,
                        .centre = p->list.item,
                        .parcel = p->truth ? p->parcel : NULL,
                        .confidence = p->confidence,
                        .mask_values = (size_t)p->values};
    TRY(read_loss(centres, p->size_loss, &out->size_loss));
    TRY(read_loss(centres, p->class_loss, &out->class_loss));
    TRY(read_loss(masks, p->shape_loss, &out->shape_loss));
    if (!out->count) goto done;
    TRY(read_values(centres, p->score, &p->score_read));
    TRY(read_values(masks, p->mask, &p->mask_read));
    out->crop = p->crops;
    out->size = p->size_read;
    out->score = p->score_read;
    out->mask = p->mask_read;
done:
    return rc;
}
