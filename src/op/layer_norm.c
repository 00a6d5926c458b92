/* Layer normalisation over the channels (Ba, Kiros and Hinton 2016), with a sinusoid added: see op.h.
 *
 *   n = (x - mean) / sqrt(var + 1e-5), mean and (biased) variance over the row's channels
 *   y = n weight + bias [+ table[position]]
 *   dx = (g - mean(g) - n mean(g n)) / sqrt(var + 1e-5), g = dy weight;  dweight = sum of dy n;  dbias = sum of dy
 *
 * x, y [rows x C]; weight, bias [C]; table [lines x C] and positions [rows] take no gradient. Saved: mean and 1 /
 * deviation of each row. The parameters' gradients are parts of fixed blocks of rows, added in order. */
#include "base/error.h"
#include "op/op.h"
#include "op/team.h"

enum { X, WEIGHT, BIAS, TABLE, POSITIONS, INPUTS };
enum { TEAM_OF = 16, ROWS_EACH = 16 /* a group's, at least */, GROUPS_MAX = 512 };

static int rows_each(int rows)
{
    const int most = (int)team_groups(rows, GROUPS_MAX);
    return most > ROWS_EACH ? most : ROWS_EACH;
}

static size_t groups_of(int rows)
{
    return team_groups(rows, rows_each(rows));
}

static int layer_norm_shape(node *n)
{
    int rc = OK;
    const int rows = tensor_rows(n->in[X]), channels = tensor_channels(n->in[X]);
    TRY(matrix_wanted(n, X, "rows x channels"));
    TRY(input_wanted(n, WEIGHT, ELEMENT_FLOAT, SHAPE(channels), "one a channel"));
    TRY(input_wanted(n, BIAS, ELEMENT_FLOAT, SHAPE(channels), "one a channel"));
    TRY(positions_wanted(n, TABLE, rows, channels));
    node_keep_input(n, X);
    node_keep_input(n, WEIGHT);
    TRY(node_output(n, ELEMENT_FLOAT, n->in[X]->shape));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(rows, 2)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE((int)groups_of(rows), 2, channels)));
done:
    return rc;
}

static int layer_norm_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int rows = tensor_rows(n->in[X]), channels = tensor_channels(n->in[X]);
    const double values = (double)rows * channels;
    const team_form f = team_form_of(r->device, TEAM_OF, channels);
    const tensor *table = n->in[TABLE];
    TRY(team_kernel(r->device, f, "layer_norm", "", "layer_norm", &k));
    TRY(LAUNCH(k, groups_of(rows), 1, 1, (size_t)f.lanes, ((cost){8 * values, 8 * values}), arg_buffer(n->in[X]->data),
               arg_buffer(n->in[WEIGHT]->data), arg_buffer(n->in[BIAS]->data), arg_buffer(table ? table->data : NULL),
               arg_buffer(table ? n->in[POSITIONS]->data : NULL), arg_int(table ? tensor_rows(table) : 0),
               arg_buffer(n->out[0]->data), arg_buffer(n->training ? n->saved[0]->data : NULL), arg_int(rows),
               arg_int(channels), arg_int(rows_each(rows))));
done:
    return rc;
}

static int parameters_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int rows = tensor_rows(n->in[X]), channels = tensor_channels(n->in[X]), groups = (int)groups_of(rows);
    const double values = (double)rows * channels;
    const team_form f = team_form_of(r->device, TEAM_OF, channels);
    buffer *part = n->work_back[0]->data;
    TRY(team_kernel(r->device, f, "layer_norm", "", "layer_norm_parameters", &k));
    TRY(LAUNCH(k, (size_t)groups, 1, 1, (size_t)f.lanes, ((cost){4 * values, 8 * values}), arg_buffer(n->in[X]->data),
               arg_buffer(n->out[0]->gradient), arg_buffer(n->saved[0]->data), arg_buffer(part), arg_int(rows),
               arg_int(channels), arg_int(rows_each(rows))));
    for (int i = WEIGHT; i <= BIAS; i++)
        if (n->in[i]->wants_gradient)
            TRY(sum_parts(r->device, part, groups, 2 * channels, (i - WEIGHT) * channels, channels, n->in[i]->gradient,
                          n->accumulate[i]));
done:
    return rc;
}

static int layer_norm_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int rows = tensor_rows(n->in[X]), channels = tensor_channels(n->in[X]);
    const double values = (double)rows * channels;
    const team_form f = team_form_of(r->device, TEAM_OF, channels);
    if (n->in[WEIGHT]->wants_gradient || n->in[BIAS]->wants_gradient) TRY(parameters_backward(n, r));
    if (!n->in[X]->wants_gradient) return OK;
    TRY(team_kernel(r->device, f, "layer_norm", "", "layer_norm_backward", &k));
    TRY(LAUNCH(k, groups_of(rows), 1, 1, (size_t)f.lanes, ((cost){12 * values, 12 * values}),
               arg_buffer(n->in[X]->data), arg_buffer(n->out[0]->gradient), arg_buffer(n->in[WEIGHT]->data),
               arg_buffer(n->saved[0]->data), arg_buffer(n->in[X]->gradient), arg_int(rows), arg_int(channels),
               arg_int(rows_each(rows)), arg_int(n->accumulate[X])));
done:
    return rc;
}

static const op_def layer_norm_def = {"layer_norm", layer_norm_shape, layer_norm_forward, layer_norm_backward, NULL};

tensor *layer_norm(net *n, tensor *x, tensor *weight, tensor *bias, position_rows positions)
{
    tensor *const in[INPUTS] = {x, weight, bias, positions.table, positions.positions};
    node *recorded = net_record(n, &layer_norm_def, in, INPUTS, BIAS + 1, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
