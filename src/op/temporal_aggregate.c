/* U-TAE's temporal aggregation: sums over the dates of a patch, weighted by its attention map (see image.h).
 *
 * Forward: y[b, i, c] = sum over dates t of w[t, i, c] x[t, i, c] with w 1 / T, or the map of c's head, resampled:
 *   AGGREGATE_GROUP: bilinearly (torch.nn.Upsample, align_corners false), or, where the image is not the larger one, by
 *   averages over blocks of floor(map height / H)^2 cells (torch.nn.AvgPool2d), both as published;
 *   AGGREGATE_MEAN_HEAD: bilinearly always, from the mean of the heads.
 * Averages are a launch of their own (cl/map_pool.cl): it leaves a small map, which the rest then resamples bilinearly
 * (a map of the image's size stays as it is).
 * Backward: dmap = the transposed resampling, along rows and then along columns, of the sums over each head's channels
 * of dy x; each part's gradient w dy is late. Saved: the small map. */
#include <stdio.h>

#include "base/error.h"
#include "op/channels.h"
#include "op/image.h"
#include "op/team.h"

enum { PARTS_MAX = 24, GPU_LANES = 64, SLICES = 16 /* of a patch's dates, a group each, where rows alone are few */ };

typedef struct aggregate_attributes {
    aggregate_options options;
    int count;
} aggregate_attributes;

/* What the launches need, from shapes and options. */
typedef struct plan {
    int parts, patches, frames, height, width, channels;
    int heads, map_height, map_width;                   /* of the input map */
    int small_heads, small_height, small_width, merged; /* of what is resampled: merged heads of the map make one */
    int side;                                           /* of the blocks of cells that are averaged */
    bool mapped, pooled;
} plan;

static int offsets_at(const node *n)
{
    return ((const aggregate_attributes *)n->attributes)->count;
}

static int map_at(const node *n)
{
    return offsets_at(n) + 1;
}

static plan plan_of(const node *n)
{
    const aggregate_attributes *a = n->attributes;
    const shape s = n->in[0]->shape;
    const tensor *map = n->in[map_at(n)];
    plan p = {.parts = a->count,
              .patches = sequence_count(n, offsets_at(n)),
              .height = s.size[1],
              .width = s.size[2],
              .channels = s.size[3],
              .heads = map ? tensor_channels(map) : 1,
              .map_height = map ? a->options.map_height : 1,
              .map_width = map ? a->options.map_width : 1,
              .mapped = map != NULL,
              .side = 1};
    for (int i = 0; i < p.parts; i++) p.frames += n->in[i]->shape.size[0];
    p.merged = a->options.mode == AGGREGATE_MEAN_HEAD ? p.heads : 1;
    if (a->options.mode == AGGREGATE_GROUP && p.height <= p.map_height && p.width <= p.map_width)
        p.side = p.map_height / p.height;
    p.small_heads = p.heads / p.merged;
    p.small_height = p.map_height / p.side;
    p.small_width = p.map_width / p.side;
    p.pooled = p.side > 1 || p.merged > 1;
    return p;
}

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

static int parts_wanted(const node *n, int count)
{
    const shape wanted = n->in[0]->shape;
    for (int i = 0; i < count; i++) {
        const shape s = n->in[i]->shape;
        if (n->in[i]->element != ELEMENT_FLOAT || s.rank != 4 || s.size[1] < 1 || s.size[2] < 1 || s.size[3] < 1)
            return node_refuse(n, i, "should be frames x height x width x channels of reals");
        for (int k = 1; k < 4; k++)
            if (s.size[k] != wanted.size[k])
                return node_refuse(n, i, "should be frames x %d x %d x %d as the first part is", wanted.size[1],
                                   wanted.size[2], wanted.size[3]);
    }
    return OK;
}

static int map_wanted(const node *n, aggregate_options o)
{
    int rc = OK;
    const int at = map_at(n);
    const tensor *map = n->in[at];
    if (o.mode == AGGREGATE_MEAN) return map ? node_refuse(n, at, "should be absent: a mean has no map") : OK;
    if (!map) return node_refuse(n, at, "should be there: rows x heads");
    if (o.map_height < 1 || o.map_width < 1)
        return node_refuse(n, at, "of %d x %d cells, wanted at least one", o.map_height, o.map_width);
    TRY(settled_wanted(n, at));
    const plan p = plan_of(n);
    if (p.heads < 1 || o.map_height > INT32_MAX / o.map_width || p.frames > INT32_MAX / (o.map_height * o.map_width))
        return node_refuse(n, at, "should be rows x heads, at most %d rows", INT32_MAX);
    TRY(input_wanted(n, at, ELEMENT_FLOAT, SHAPE(p.frames * o.map_height * o.map_width, p.heads),
                     "a row a frame and cell"));
    if (p.channels % p.small_heads)
        return node_refuse(n, 0, "has channels that %d heads cannot share equally", p.small_heads);
    if (p.side > 1 && (p.small_height != p.height || p.small_width != p.width))
        return node_refuse(n, at, "of %d x %d cells has no blocks of %d x %d for an image of %d x %d", o.map_height,
                           o.map_width, p.side, p.side, p.height, p.width);
done:
    return rc;
}

/* Rows of the small map, and the sums along rows that its gradient is made of. */
static int map_buffers(node *n, const plan *p)
{
    int rc = OK;
    int (*kept)(node *, enum element, shape) = n->training ? node_save : node_work;
    const shape small = SHAPE(p->frames * p->small_height * p->small_width, p->small_heads);
    if (p->pooled) TRY(kept(n, ELEMENT_FLOAT, small));
    if (!p->mapped || !n->in[map_at(n)]->wants_gradient) return OK;
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(p->frames, p->height, p->small_width, p->small_heads)));
    if (p->pooled) TRY(node_work_back(n, ELEMENT_FLOAT, small));
done:
    return rc;
}

static int temporal_aggregate_shape(node *n)
{
    int rc = OK;
    const aggregate_attributes *a = n->attributes;
    TRY(parts_wanted(n, a->count));
    TRY(offsets_wanted(n, offsets_at(n)));
    TRY(map_wanted(n, a->options));
    const plan p = plan_of(n);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(p.patches, p.height, p.width, p.channels)));
    TRY(map_buffers(n, &p));
    node_keep_input(n, offsets_at(n));
    if (p.mapped) node_keep_input(n, map_at(n));
    for (int i = 0; i < p.parts; i++) {
        if (p.mapped && n->in[map_at(n)]->wants_gradient) node_keep_input(n, i);
        node_late_gradient(n, i);
    }
done:
    return rc;
}

/* ---- forms ------------------------------------------------------------------------------------------------------ */

typedef struct aggregate_form {
    int width, lanes, held; /* as VW, LANES and HELD of cl/temporal_aggregate.cl */
    bool tail;
} aggregate_form;

/* GPU items weigh vectors of channels that have one head; where an item walks along a row, it has one channel. */
static aggregate_form form_of(const device *d, const plan *p, bool walks)
{
    const size_t limit = device_about(d)->work_group_limit;
    aggregate_form f = {1, 1, 1, false};
    if (device_tiles(d) == TILE_CPU) {
        f.width = cpu_vector(d, 16);
        f.tail = p->channels % f.width != 0;
        for (f.held = 4; p->channels % (f.held * f.width) && f.held > 1;) f.held /= 2;
        return f;
    }
    for (f.lanes = GPU_LANES; f.lanes > 1 && (size_t)f.lanes > limit;) f.lanes /= 2;
    const int length = p->channels / p->small_heads;
    if (!walks) f.width = length % 4 == 0 ? 4 : length % 2 == 0 ? 2 : 1;
    return f;
}

static int aggregate_kernel(device *d, const plan *p, aggregate_form f, const tensor *part, const char *name,
                            kernel **out)
{
    char options[160];
    snprintf(options, sizeof options,
             "-DVW=%d -DLANES=%d -DTEAM=%d -DTAIL=%d -DHELD=%d -DHEADS=%d -DHEAD_CHANNELS=%d -DMAPPED=%d%s", f.width,
             f.lanes, f.lanes, f.tail, f.held, p->small_heads, p->channels / p->small_heads, p->mapped,
             pending_options(part));
    return kernel_get(d, "temporal_aggregate", options, name, out);
}

/* Pieces of a row that groups of items share; an item of a CPU form takes all of it. */
static size_t row_pieces(const plan *p, aggregate_form f)
{
    return f.lanes == 1 ? 1 : team_groups(p->width * (p->channels / f.width), f.lanes);
}

/* Rows of pixels that one item of aggregate's CPU form takes: lines of the map stay in cache for all of them; groups
 * must be enough for every core. */
static int rows_each(const device *d, const plan *p, aggregate_form f)
{
    enum { ROWS_MAX = 4, GROUPS_A_CORE = 8 };
    const int cores = (int)device_about(d)->compute_units;
    if (f.lanes > 1) return 1;
    for (int rows = ROWS_MAX; rows > 1; rows /= 2)
        if (p->patches * p->height / rows >= GROUPS_A_CORE * cores) return rows;
    return 1;
}

static float row_ratio(const plan *p)
{
    return (float)p->small_height / (float)p->height;
}

static float column_ratio(const plan *p)
{
    return (float)p->small_width / (float)p->width;
}

static int part_first(const node *n, int i)
{
    int first = 0;
    for (int k = 0; k < i; k++) first += n->in[k]->shape.size[0];
    return first;
}

/* The map that is resampled; NULL for AGGREGATE_MEAN. */
static buffer *small_map(const node *n, const plan *p)
{
    if (!p->mapped) return NULL;
    return p->pooled ? (n->training ? n->saved[0] : n->work[0])->data : n->in[map_at(n)]->data;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

static int pool(node *n, const run *r, const plan *p)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(r->device, 1, 1);
    const double values = (double)tensor_count(n->in[map_at(n)]);
    TRY(team_kernel(r->device, f, "map_pool", "", "map_pool", &k));
    TRY(LAUNCH(k, (size_t)(p->patches * p->small_height * p->small_width), 1, 1, (size_t)f.lanes,
               ((cost){values, 4 * values}), arg_buffer(n->in[map_at(n)]->data), arg_buffer(n->in[offsets_at(n)]->data),
               arg_buffer(small_map(n, p)), arg_int(p->map_height), arg_int(p->map_width), arg_int(p->small_height),
               arg_int(p->small_width), arg_int(p->small_heads), arg_int(p->side), arg_int(p->merged)));
done:
    return rc;
}

static int part_forward(node *n, const run *r, const plan *p, int i)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *part = n->in[i];
    const double values = (double)tensor_count(part);
    const aggregate_form f = form_of(r->device, p, false);
    const int rows = rows_each(r->device, p, f);
    TRY(aggregate_kernel(r->device, p, f, part, "aggregate", &k));
    TRY(LAUNCH(k, (size_t)p->patches * team_groups(p->height, rows), row_pieces(p, f), 1, (size_t)f.lanes,
               ((cost){4 * values, 4 * values}), arg_buffer(part->data), arg_buffer(pending_scale_shift(part)),
               arg_int(pending_stride(part)), arg_buffer(n->in[offsets_at(n)]->data), arg_buffer(small_map(n, p)),
               arg_buffer(n->out[0]->data), arg_int(part_first(n, i)), arg_int(part->shape.size[0]), arg_int(p->height),
               arg_int(p->width), arg_int(p->channels), arg_int(p->small_height), arg_int(p->small_width),
               arg_float(row_ratio(p)), arg_float(column_ratio(p)), arg_int(rows)));
done:
    return rc;
}

static int temporal_aggregate_forward(node *n, const run *r)
{
    int rc = OK;
    const plan p = plan_of(n);
    if (p.pooled) TRY(pool(n, r, &p));
    for (int i = 0; i < p.parts; i++) TRY(part_forward(n, r, &p, i));
done:
    return rc;
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

enum { BACK_LINES, BACK_SMALL };

static int lines_backward(node *n, const run *r, const plan *p, int i)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *part = n->in[i];
    const double values = (double)tensor_count(part);
    const aggregate_form f = form_of(r->device, p, true);
    const int step = f.width * f.lanes * f.held; /* channels that a group walks down at once */
    const size_t columns = team_groups(p->channels, step) * (size_t)step;
    TRY(aggregate_kernel(r->device, p, f, part, "aggregate_lines", &k));
    TRY(LAUNCH(k, (size_t)(p->patches * p->height), f.lanes > 1 ? SLICES : 1, 1, (size_t)f.lanes,
               ((cost){6 * values, 4 * values}), arg_buffer(part->data), arg_buffer(pending_scale_shift(part)),
               arg_int(pending_stride(part)), arg_buffer(n->in[offsets_at(n)]->data), arg_buffer(n->out[0]->gradient),
               arg_buffer(n->work_back[BACK_LINES]->data), arg_int(part_first(n, i)), arg_int(part->shape.size[0]),
               arg_int(p->height), arg_int(p->width), arg_int(p->channels), arg_int(p->small_width),
               arg_float(column_ratio(p)), arg_local(2 * columns * sizeof(float))));
done:
    return rc;
}

static int columns_backward(node *n, const run *r, const plan *p, buffer *dsmall, bool accumulate)
{
    int rc = OK;
    kernel *k = NULL;
    const double values = (double)tensor_count(n->work_back[BACK_LINES]);
    const aggregate_form f = form_of(r->device, p, true);
    TRY(aggregate_kernel(r->device, p, f, n->in[0], "aggregate_columns", &k));
    TRY(LAUNCH(k, (size_t)(p->patches * p->small_height), SLICES, 1, (size_t)f.lanes, ((cost){4 * values, 4 * values}),
               arg_buffer(n->work_back[BACK_LINES]->data), arg_buffer(n->in[offsets_at(n)]->data), arg_buffer(dsmall),
               arg_int(p->height), arg_int(p->small_height), arg_int(p->small_width), arg_float(row_ratio(p)),
               arg_int(accumulate)));
done:
    return rc;
}

static int pool_backward(node *n, const run *r, const plan *p)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *map = n->in[map_at(n)];
    const team_form f = team_form_of(r->device, 1, 1);
    const double values = (double)tensor_count(map);
    TRY(team_kernel(r->device, f, "map_pool", "", "map_pool_backward", &k));
    TRY(LAUNCH(k, (size_t)(p->patches * p->map_height * p->map_width), 1, 1, (size_t)f.lanes,
               ((cost){values, 4 * values}), arg_buffer(n->work_back[BACK_SMALL]->data),
               arg_buffer(n->in[offsets_at(n)]->data), arg_buffer(map->gradient), arg_int(p->map_height),
               arg_int(p->map_width), arg_int(p->small_height), arg_int(p->small_width), arg_int(p->small_heads),
               arg_int(p->side), arg_int(p->merged), arg_int(n->accumulate[map_at(n)])));
done:
    return rc;
}

/* The map's gradient alone. */
static int temporal_aggregate_backward(node *n, const run *r)
{
    int rc = OK;
    const plan p = plan_of(n);
    const int at = map_at(n);
    if (!p.mapped || !n->in[at]->wants_gradient) return OK;
    for (int i = 0; i < p.parts; i++) TRY(lines_backward(n, r, &p, i));
    if (p.pooled) {
        TRY(columns_backward(n, r, &p, n->work_back[BACK_SMALL]->data, false));
        TRY(pool_backward(n, r, &p));
    } else {
        TRY(columns_backward(n, r, &p, n->in[at]->gradient, n->accumulate[at]));
    }
done:
    return rc;
}

static int temporal_aggregate_late(node *n, const run *r, int i)
{
    int rc = OK;
    kernel *k = NULL;
    const plan p = plan_of(n);
    const tensor *part = n->in[i];
    const double values = (double)tensor_count(part);
    const aggregate_form f = form_of(r->device, &p, false);
    TRY(aggregate_kernel(r->device, &p, f, part, "aggregate_late", &k));
    TRY(LAUNCH(k, (size_t)(p.patches * p.height), row_pieces(&p, f), f.lanes > 1 ? SLICES : 1, (size_t)f.lanes,
               ((cost){4 * values, 4 * values}), arg_buffer(n->out[0]->gradient),
               arg_buffer(n->in[offsets_at(n)]->data), arg_buffer(small_map(n, &p)), arg_buffer(part->gradient),
               arg_int(part_first(n, i)), arg_int(part->shape.size[0]), arg_int(p.height), arg_int(p.width),
               arg_int(p.channels), arg_int(p.small_height), arg_int(p.small_width), arg_float(row_ratio(&p)),
               arg_float(column_ratio(&p)), arg_int(n->accumulate[i])));
done:
    return rc;
}

static const op_def temporal_aggregate_def = {"temporal_aggregate", temporal_aggregate_shape,
                                              temporal_aggregate_forward, temporal_aggregate_backward,
                                              temporal_aggregate_late};

tensor *temporal_aggregate(net *n, tensor *const *part, int count, tensor *offsets, tensor *map,
                           aggregate_options options)
{
    const aggregate_attributes attributes = {options, count};
    tensor *in[PARTS_MAX + 2];
    if (count < 1 || count > PARTS_MAX) panic("temporal_aggregate: %d parts, wanted 1 to %d", count, PARTS_MAX);
    for (int i = 0; i < count; i++) in[i] = part[i];
    in[count] = offsets;
    in[count + 1] = map;
    node *recorded = net_record(n, &temporal_aggregate_def, in, count + 2, count + 1, &attributes, sizeof attributes);
    return recorded ? recorded->out[0] : NULL;
}
