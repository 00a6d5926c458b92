/* Reference and cases of temporal_aggregate. */
#include <math.h>

#include "op/check_values.h"
#include "op/checks.h"
#include "op/image.h"

/* A case: its inputs are the parts, the offsets, the map (none for a mean), and, where `pending` names a norm, the scale
 * and shift of each part in turn. */
typedef struct aggregate_case {
    aggregate_options options;
    int parts;
    const pending_norm *pending; /* its scale_shift is not looked at */
} aggregate_case;

enum { PARTS_MAX = 24 };

static bool has_map(const aggregate_case *a)
{
    return a->options.mode != AGGREGATE_MEAN;
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    static pending_norm norm[PARTS_MAX];
    const aggregate_case *a = c->user;
    const int next = a->parts + (has_map(a) ? 2 : 1);
    for (int i = 0; a->pending && i < a->parts; i++) {
        norm[i] = *a->pending;
        norm[i].scale_shift = in[next + i];
        in[i]->pending = &norm[i];
    }
    out[0] = temporal_aggregate(n, in, a->parts, in[a->parts], has_map(a) ? in[a->parts + 1] : NULL, a->options);
    return 0;
}

/* ---- the reference ---------------------------------------------------------------------------------------------- */

/* The map of one date and head (or of the mean of all) at a cell. */
static double cell_value(const op_check *c, const double *map, int first, int dates, int t, int row, int column, int h)
{
    const aggregate_case *a = c->user;
    const int heads = c->input[a->parts + 1].shape.size[1], width = a->options.map_width;
    const double *at = map + ((first * a->options.map_height * width) + (row * width + column) * dates + t) * heads;
    double sum = 0;
    if (a->options.mode == AGGREGATE_GROUP) return at[h];
    for (int i = 0; i < heads; i++) sum += at[i];
    return sum / heads;
}

/* torch.nn.Upsample along one axis: the two cells and the share of the second. */
static double between(int at, int size, int cells, int pair[2])
{
    const double from = fmax((at + 0.5) * cells / size - 0.5, 0);
    pair[0] = (int)from;
    pair[1] = pair[0] + 1 < cells ? pair[0] + 1 : pair[0];
    return from - pair[0];
}

static double weight(const op_check *c, const double *map, int first, int dates, int t, int row, int column, int h)
{
    const aggregate_case *a = c->user;
    const aggregate_options o = a->options;
    const int height = c->input[0].shape.size[1], width = c->input[0].shape.size[2];
    int rows[2], columns[2];
    double sum = 0;
    if (!has_map(a)) return 1.0 / dates;
    if (o.mode == AGGREGATE_GROUP && height <= o.map_height && width <= o.map_width) {
        const int side = o.map_height / height;
        for (int k = 0; k < side * side; k++)
            sum += cell_value(c, map, first, dates, t, row * side + k / side, column * side + k % side, h);
        return sum / (side * side);
    }
    const double down = between(row, height, o.map_height, rows), along = between(column, width, o.map_width, columns);
    for (int k = 0; k < 4; k++)
        sum += (k / 2 ? down : 1 - down) * (k % 2 ? along : 1 - along) *
               cell_value(c, map, first, dates, t, rows[k / 2], columns[k % 2], h);
    return sum;
}

/* Value `at` of frame `frame` of the batch, with its pending norm. */
static double part_value(const op_check *c, double *const *in, int frame, int at)
{
    const aggregate_case *a = c->user;
    const int *size = c->input[0].shape.size, channels = size[3];
    const int scale_shift = a->parts + (has_map(a) ? 2 : 1);
    int i = 0;
    for (; frame >= c->input[i].shape.size[0]; i++) frame -= c->input[i].shape.size[0];
    double v = in[i][frame * size[1] * size[2] * channels + at];
    if (!a->pending) return v;
    const double *norm = in[scale_shift + i] + (a->pending->per_frame ? frame * 2 * channels : 0);
    v = v * norm[at % channels] + norm[channels + at % channels];
    return v < 0 ? v * (double)relu_slope(a->pending->relu) : v;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const aggregate_case *a = c->user;
    const int *size = c->input[0].shape.size, values = size[1] * size[2] * size[3], channels = size[3];
    const int heads = a->options.mode == AGGREGATE_GROUP ? c->input[a->parts + 1].shape.size[1] : 1;
    for (int b = 0; b < c->input[a->parts].shape.size[0] - 1; b++) {
        const int first = (int)in[a->parts][b], dates = (int)in[a->parts][b + 1] - first;
        for (int at = 0; at < values; at++) {
            const int pixel = at / channels, h = at % channels / (channels / heads);
            double sum = 0;
            for (int t = 0; t < dates; t++)
                sum += weight(c, in[a->parts + 1], first, dates, t, pixel / size[2], pixel % size[2], h) *
                       part_value(c, in, first + t, at);
            out[0][b * values + at] = sum;
        }
    }
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

CHECK_VALUES(fill_cut, 0, 3, 4)
CHECK_VALUES(fill_gaps, 0, 0, 3, 4, 4, 6)
CHECK_VALUES(fill_one, 0, 2)

#define PART(name, frames, height, width, channels)                                                                    \
    {                                                                                                                  \
        name, CHECK_INPUT, {4, {frames, height, width, channels}}, NULL                                                \
    }

static const check_input cut_inputs[] = {
    /* the cut lies in the first patch */
    PART("part 0", 2, 5, 7, 8),
    PART("part 1", 2, 5, 7, 8),
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_cut},
    {"map", CHECK_INPUT, {2, {4 * 6, 4}}, NULL},
};
static const check_input pending_inputs[] = {
    {"part", CHECK_CONSTANT, {4, {4, 4, 4, 32}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_cut},
    {"map", CHECK_INPUT, {2, {4 * 4, 16}}, NULL},
    {"scale and shift", CHECK_CONSTANT, {3, {4, 2, 32}}, NULL},
};
static const check_input same_norm_inputs[] = {
    {"part 0", CHECK_CONSTANT, {4, {1, 3, 2, 5}}, NULL},      {"part 1", CHECK_CONSTANT, {4, {3, 3, 2, 5}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_cut},           {"map", CHECK_INPUT, {2, {4 * 6, 5}}, NULL},
    {"norm of part 0", CHECK_CONSTANT, {3, {1, 2, 5}}, NULL}, {"norm of part 1", CHECK_CONSTANT, {3, {1, 2, 5}}, NULL},
};
static const check_input thirds_inputs[] = {
    PART("part", 4, 3, 4, 48),
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_cut},
    {"map", CHECK_INPUT, {2, {4 * 2, 16}}, NULL},
};
static const check_input blocks_inputs[] = {
    PART("part", 4, 4, 6, 80),
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_cut},
    {"map", CHECK_INPUT, {2, {4 * 6, 5}}, NULL},
};
static const check_input mean_head_inputs[] = {
    PART("part", 4, 3, 5, 19),
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_cut},
    {"map", CHECK_INPUT, {2, {4 * 28, 4}}, NULL},
};
static const check_input finer_inputs[] = {
    PART("part", 4, 2, 2, 12),
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_cut},
    {"map", CHECK_INPUT, {2, {4 * 20, 3}}, NULL},
};
static const check_input mean_inputs[] = {
    /* patches without dates at the start and in between */
    PART("part 0", 1, 2, 3, 7),
    PART("part 1", 4, 2, 3, 7),
    PART("part 2", 1, 2, 3, 7),
    {"offsets", CHECK_INTEGER, {1, {6}}, fill_gaps},
};
static const check_input single_inputs[] = {
    PART("part", 2, 9, 1, 1),
    {"offsets", CHECK_INTEGER, {1, {2}}, fill_one},
    {"map", CHECK_INPUT, {2, {2 * 2, 1}}, NULL},
};

static const pending_norm relu_each = {NULL, true, RELU}, plain = {NULL, false, NO_RELU};
static const aggregate_case cut = {{AGGREGATE_GROUP, 3, 2}, 2, NULL}, pended = {{AGGREGATE_GROUP, 2, 2}, 1, &relu_each},
                            same_norm = {{AGGREGATE_GROUP, 3, 2}, 2, &plain},
                            thirds = {{AGGREGATE_GROUP, 2, 1}, 1, NULL}, blocks = {{AGGREGATE_GROUP, 2, 3}, 1, NULL},
                            mean_head = {{AGGREGATE_MEAN_HEAD, 4, 7}, 1, NULL},
                            finer = {{AGGREGATE_GROUP, 5, 4}, 1, NULL}, mean = {{AGGREGATE_MEAN, 0, 0}, 3, NULL},
                            single = {{AGGREGATE_GROUP, 2, 1}, 1, NULL};

#define CASE(title, values, options)                                                                                   \
    {                                                                                                                  \
        .name = "temporal_aggregate " title, .input = values, .inputs = (int)(sizeof values / sizeof *values),         \
        .build = build, .outputs = 1, .reference = reference, .user = &options                                         \
    }

static const op_check checks[] = {
    CASE("2 parts cut in a patch, map 3x2 to 5x7, 4 heads of 2", cut_inputs, cut),
    CASE("mean of the heads, map 4x7 to 3x5", mean_head_inputs, mean_head),
    CASE("16 heads of 2, norm pending by frame", pending_inputs, pended),
    CASE("5 heads of 1, one norm pending, map as large as the image", same_norm_inputs, same_norm),
    CASE("16 heads of 3, map 2x1 to 3x4", thirds_inputs, thirds),
    CASE("5 heads of 16", blocks_inputs, blocks),
    CASE("averages of 2x2 cells, map 5x4 to 2x2", finer_inputs, finer),
    CASE("mean, 3 parts, patches without dates", mean_inputs, mean),
    CASE("one of everything, map 2x1 to 9x1", single_inputs, single),
};

const op_check *temporal_aggregate_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
