/* centre_features: see panoptic.h. One launch a map and direction; rows go back one after the other, so that centres
 * which share a pixel add up in a fixed order. */
#include "base/error.h"
#include "op/image.h"
#include "op/panoptic.h"
#include "op/team.h"

enum { MAPS_MAX = 16, CENTRES = 0 /* the maps follow */ };

static int map_count(const node *n)
{
    return n->inputs - 1;
}

static int shape_check(const node *n, int k)
{
    const tensor *map = n->in[1 + k], *finest = n->in[map_count(n)];
    const int shift = map_count(n) - 1 - k;
    if (map->element != ELEMENT_FLOAT || map->shape.rank != 4 || !tensor_count(map))
        return node_refuse(n, 1 + k, "should be patches x height x width x channels of reals");
    for (int axis = 1; axis < 3; axis++)
        if (map->shape.size[axis] <= (finest->shape.size[axis] - 1) >> shift)
            return node_refuse(n, 1 + k, "is too small: the last map's pixels reach %d",
                               (finest->shape.size[axis] - 1) >> shift);
    if (map->shape.size[0] != finest->shape.size[0])
        return node_refuse(n, 1 + k, "should have %d patches", finest->shape.size[0]);
    return settled_wanted(n, 1 + k);
}

static int features_shape(node *n)
{
    int rc = OK, width = 0;
    const int count = tensor_rows(n->in[CENTRES]);
    if (count < 1) return node_refuse(n, CENTRES, "has no centres");
    TRY(input_wanted(n, CENTRES, ELEMENT_INT, SHAPE(count, 3), "patch, row and column"));
    for (int k = 0; k < map_count(n); k++) {
        TRY(shape_check(n, k));
        width += tensor_channels(n->in[1 + k]);
    }
    node_keep_input(n, CENTRES);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(count, width)));
done:
    return rc;
}

/* Runs one of the kernels on map k, whose channels start at `column` of the rows. */
static int launch_map(node *n, device *d, int k, int column, bool back)
{
    int rc = OK;
    kernel *moving = NULL;
    const tensor *map = n->in[1 + k];
    const int channels = tensor_channels(map), count = tensor_rows(n->out[0]), stride = tensor_channels(n->out[0]);
    const int height = map->shape.size[1], width = map->shape.size[2], shift = map_count(n) - 1 - k;
    const team_form f = team_form_of(d, 1, channels);
    const size_t groups = team_groups(channels, f.width * f.lanes);
    const double values = (double)count * channels;
    TRY(team_kernel(d, f, "centre_features", "", back ? "scatter" : "gather", &moving));
    TRY(back ? LAUNCH(moving, groups, 1, 1, (size_t)f.lanes, ((cost){values, 12 * values}),
                      arg_buffer(n->out[0]->gradient), arg_buffer(n->in[CENTRES]->data), arg_int(count),
                      arg_buffer(map->gradient), arg_int(height), arg_int(width), arg_int(channels), arg_int(shift),
                      arg_int(column), arg_int(stride))
             : LAUNCH(moving, groups, (size_t)count, 1, (size_t)f.lanes, ((cost){0, 8 * values}), arg_buffer(map->data),
                      arg_buffer(n->in[CENTRES]->data), arg_buffer(n->out[0]->data), arg_int(height), arg_int(width),
                      arg_int(channels), arg_int(shift), arg_int(column), arg_int(stride)));
done:
    return rc;
}

static int features_forward(node *n, const run *r)
{
    int rc = OK;
    for (int k = 0, column = 0; k < map_count(n); column += tensor_channels(n->in[1 + k++]))
        TRY(launch_map(n, r->device, k, column, false));
done:
    return rc;
}

static int features_backward(node *n, const run *r)
{
    int rc = OK;
    for (int k = 0, column = 0; k < map_count(n); column += tensor_channels(n->in[1 + k++])) {
        const tensor *map = n->in[1 + k];
        if (!map->wants_gradient) continue;
        if (!n->accumulate[1 + k]) TRY(buffer_fill(map->gradient, 0, 0, tensor_count(map) * sizeof(float)));
        TRY(launch_map(n, r->device, k, column, true));
    }
done:
    return rc;
}

static const op_def centre_features_def = {"centre_features", features_shape, features_forward, features_backward,
                                           NULL};

tensor *centre_features(net *n, tensor *const *map, int count, tensor *centres)
{
    tensor *in[1 + MAPS_MAX] = {centres};
    if (count < 1 || count > MAPS_MAX) panic("centre_features of %d maps", count);
    for (int k = 0; k < count; k++) in[1 + k] = map[k];
    node *recorded = net_record(n, &centre_features_def, in, 1 + count, 1 + count, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
