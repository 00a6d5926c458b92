/* The mask network of PaPs; see panoptic.h and cl/mask_cnn.clh. For each crop, with zeros around it at every layer:
 *   h = conv(x, W1) + b1;  n = (h - mean) / sqrt(var + 1e-5), mean and (biased) variance over pixels x channels
 *   a1 = relu(n w + b);  a2 = relu(conv(a1, W2) + b2);  y = conv(a2, W3) + b3
 *
 * Two launches over all crops: the statistics, then all layers tile by tile in local memory. Nothing of a tile is
 * stored, and the size of a crop is the kernels' business alone: the host never reads the table. */
#include "op/mask_cnn.h"

#include <stdio.h>

#include "base/error.h"
#include "op/image.h"
#include "op/team.h"

enum { HALO = 4 /* the gradient's, the largest */, TAP_LINES = MASK_TAPS + 1, EACH = 256 /* packed floats a group */ };
enum { STATISTICS };

/* ---- form ------------------------------------------------------------------------------------------------------- */

/* As map_pixels of cl/mask_cnn.clh. */
static int map_pixels(int side, int px)
{
    return side * (side + 1) + 2 * (side + 2) + px;
}

size_t mask_scratch(const mask_plan *p, int value_maps, int channel_maps, int floats)
{
    const int pixels = map_pixels(p->side, p->px);
    return ((size_t)pixels * (size_t)(value_maps + channel_maps * p->padded) + (size_t)floats) * sizeof(float);
}

/* The most that local memory holds in the gradient's kernel: larger tiles make less of their neighbours again. On a CPU
 * they should stay in the nearer caches, on a GPU leave room for more groups. Less than one pixel and its halo: 0. */
static int side_of(mask_plan p, const device *d)
{
    enum { CPU_MOST = 40, GPU_MOST = 16, LEAST = 2 * HALO + 1 };
    const size_t limit = device_about(d)->local_memory;
    p.side = p.lanes == 1 ? CPU_MOST : GPU_MOST;
    while (p.side >= LEAST && mask_scratch(&p, 2, 2, TAP_LINES * p.padded) > limit) p.side--;
    return p.side >= LEAST ? p.side : 0;
}

/* A record each, so that they are not too many; enough for every unit to be computed on while others wait. */
static int groups_of(const mask_plan *p, const device *d)
{
    enum { LEAST = 64, MOST = 512, FLOATS_MOST = 4 << 20 };
    const int units = p->crops > INT32_MAX / MASK_PARTS ? INT32_MAX : p->crops * MASK_PARTS;
    int groups = 4 * (int)device_about(d)->compute_units;
    groups = groups < LEAST ? LEAST : groups > MOST ? MOST : groups;
    if (groups > FLOATS_MOST / p->record) groups = FLOATS_MOST / p->record;
    return groups > units ? units : groups < 1 ? 1 : groups;
}

mask_plan mask_plan_of(const node *n, const device *d)
{
    mask_plan p = {.crops = tensor_rows(n->in[MASK_CROPS]), .values = tensor_rows(n->in[MASK_X])};
    p.channels = n->in[MASK_BIAS1]->shape.size[0];
    const team_form f = team_form_of(d, 1, p.channels);
    p.lanes = f.lanes;
    p.width = f.lanes == 1 ? f.width : 4;
    p.px = f.lanes > 1 ? 4 : 12;
    p.padded = (int)team_groups(p.channels, p.width) * p.width;
    p.packed = (3 * MASK_TAPS + 4) * p.padded + 2 * MASK_TAPS * p.padded * p.padded;
    p.record = (2 * TAP_LINES + 4) * p.padded + MASK_TAPS * p.padded * p.padded;
    p.side = side_of(p, d);
    p.groups = groups_of(&p, d);
    for (int k = 0; k < 3; k++) {
        const double products = MASK_TAPS * (double)p.channels * (k == 1 ? p.channels : 1);
        p.layers[k] = (cost){2 * products * p.values, 8.0 * p.values};
    }
    return p;
}

int mask_kernel(device *d, const mask_plan *p, const char *program, const char *name, kernel **out)
{
    char options[96];
    snprintf(options, sizeof options, "-DCHANNELS=%d -DVW=%d -DPX=%d -DLANES=%d -DPARTS=%d", p->channels, p->width,
             p->px, p->lanes, MASK_PARTS);
    return kernel_get(d, program, options, name, out);
}

/* ---- shape ------------------------------------------------------------------------------------------------------ */

static int parameters_wanted(const node *n, int c)
{
    int rc = OK;
    const shape line = SHAPE(c), wide = SHAPE(c, 1, 3, 3), narrow = SHAPE(1, c, 3, 3);
    TRY(input_wanted(n, MASK_WEIGHT1, ELEMENT_FLOAT, wide, "3 x 3 taps for each channel"));
    TRY(input_wanted(n, MASK_NORM_WEIGHT, ELEMENT_FLOAT, line, "one a channel"));
    TRY(input_wanted(n, MASK_NORM_BIAS, ELEMENT_FLOAT, line, "one a channel"));
    TRY(input_wanted(n, MASK_WEIGHT2, ELEMENT_FLOAT, SHAPE(c, c, 3, 3), "3 x 3 taps from each channel to each"));
    TRY(input_wanted(n, MASK_BIAS2, ELEMENT_FLOAT, line, "one a channel"));
    TRY(input_wanted(n, MASK_WEIGHT3, ELEMENT_FLOAT, narrow, "3 x 3 taps for each channel"));
    TRY(input_wanted(n, MASK_BIAS3, ELEMENT_FLOAT, SHAPE(1), "one"));
done:
    return rc;
}

static int mask_cnn_shape(node *n)
{
    int rc = OK;
    enum { CHANNELS_MAX = 1024 };
    const int crops = tensor_rows(n->in[MASK_CROPS]), values = tensor_rows(n->in[MASK_X]);
    if (crops < 1) return node_refuse(n, MASK_CROPS, "has no crop: such a batch has no masks");
    TRY(input_wanted(n, MASK_CROPS, ELEMENT_INT, SHAPE(crops, CROP_INTS), "a line for each crop"));
    if (values < 1) return node_refuse(n, MASK_X, "has no value: such a batch has no masks");
    TRY(input_wanted(n, MASK_X, ELEMENT_FLOAT, SHAPE(values, 1), "a value for each pixel of the crops"));
    TRY(settled_wanted(n, MASK_X));
    const shape channels = n->in[MASK_BIAS1]->shape;
    if (channels.rank != 1 || channels.size[0] > CHANNELS_MAX)
        return node_refuse(n, MASK_BIAS1, "should be 1 to %d reals: one a channel", CHANNELS_MAX);
    TRY(parameters_wanted(n, channels.size[0]));
    const mask_plan p = mask_plan_of(n, node_device(n));
    if (p.side < 1) return node_refuse(n, MASK_BIAS1, "has more channels than the device's local memory has room for");
    for (int i = MASK_X; i < MASK_INPUTS; i++) node_keep_input(n, i);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(p.values, 1)));
    if (n->training)
        TRY(node_save(n, ELEMENT_FLOAT, SHAPE(p.crops, 2)));
    else
        TRY(node_work(n, ELEMENT_FLOAT, SHAPE(p.crops, 2)));
    TRY(node_work(n, ELEMENT_FLOAT, SHAPE(p.packed)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(p.packed)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(p.groups, p.record)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(p.record)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(p.values)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(p.crops, MASK_PARTS, 2)));
done:
    return rc;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

int mask_pack(const node *n, device *d, const mask_plan *p, buffer *packed)
{
    int rc = OK;
    kernel *k = NULL;
    TRY(mask_kernel(d, p, "mask_cnn", "mask_cnn_pack", &k));
    TRY(LAUNCH(k, team_groups(p->packed, EACH), 1, 1, (size_t)p->lanes, ((cost){0, 8.0 * p->packed}),
               arg_buffer(n->in[MASK_WEIGHT1]->data), arg_buffer(n->in[MASK_BIAS1]->data),
               arg_buffer(n->in[MASK_NORM_WEIGHT]->data), arg_buffer(n->in[MASK_NORM_BIAS]->data),
               arg_buffer(n->in[MASK_WEIGHT2]->data), arg_buffer(n->in[MASK_BIAS2]->data),
               arg_buffer(n->in[MASK_WEIGHT3]->data), arg_buffer(packed), arg_int(EACH)));
done:
    return rc;
}

static int mask_cnn_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const mask_plan p = mask_plan_of(n, r->device);
    buffer *statistics = n->training ? n->saved[STATISTICS]->data : n->work[0]->data;
    buffer *packed = n->work[n->training ? 0 : 1]->data, *x = n->in[MASK_X]->data, *crops = n->in[MASK_CROPS]->data;
    const size_t lanes = (size_t)p.lanes;
    const cost all = {p.layers[0].flops + p.layers[1].flops + p.layers[2].flops, 8.0 * p.values};
    TRY(mask_pack(n, r->device, &p, packed));
    TRY(mask_kernel(r->device, &p, "mask_cnn", "mask_cnn_statistics", &k));
    TRY(LAUNCH(k, (size_t)p.crops, 1, 1, lanes, p.layers[0], arg_buffer(x), arg_buffer(crops), arg_buffer(packed),
               arg_buffer(statistics), arg_int(p.side), arg_local(mask_scratch(&p, 1, 0, 3 * p.lanes))));
    TRY(mask_kernel(r->device, &p, "mask_cnn", "mask_cnn", &k));
    TRY(LAUNCH(k, (size_t)p.groups, 1, 1, lanes, all, arg_buffer(x), arg_buffer(crops), arg_int(p.crops),
               arg_buffer(packed), arg_buffer(n->in[MASK_BIAS3]->data), arg_buffer(statistics),
               arg_buffer(n->out[0]->data), arg_int(p.side), arg_local(mask_scratch(&p, 1, 2, 0))));
done:
    return rc;
}

static const op_def mask_cnn_def = {"mask_cnn", mask_cnn_shape, mask_cnn_forward, mask_cnn_backward, NULL};

tensor *mask_cnn(net *n, tensor *x, tensor *crops, mask_network p)
{
    tensor *const in[MASK_INPUTS] = {x,           crops,     p.weight1, p.bias1,   p.norm_weight,
                                     p.norm_bias, p.weight2, p.bias2,   p.weight3, p.bias3};
    node *recorded = net_record(n, &mask_cnn_def, in, MASK_INPUTS, MASK_INPUTS, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
