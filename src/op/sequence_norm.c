/* L-TAE's normalisation over all values of a sequence (Garnot and Landrieu 2020, torch.nn.LayerNorm over (d_model, T)):
 * see op.h.
 *
 *   n = (x - mean) / sqrt(var + 1e-5), mean and (biased) variance over the sequence's dates x channels
 *   y = n weight[c, t] + bias[c, t] [+ table[position]]
 *   dx = (g - mean(g) - n mean(g n)) / sqrt(var + 1e-5), g = dy weight, means over the sequence
 *   dweight[c, t], dbias[c, t] = sums over sequences that have date t, in order, of dy n and dy
 *
 * x, y [frames x C]; weight, bias [C x T], optional, read through their transposed copies. Saved: mean and 1 /
 * deviation of each sequence. */
#include "base/error.h"
#include "op/op.h"
#include "op/team.h"

enum { X, OFFSETS, WEIGHT, BIAS, TABLE, POSITIONS, INPUTS };
enum { TEAM_OF = 64, HELD = 4 /* as in cl/sequence_norm.cl */ };

static int parameter_wanted(node *n, int i, int channels)
{
    int rc = OK;
    const tensor *t = n->in[i], *other = n->in[i == WEIGHT ? BIAS : WEIGHT];
    if (!t) return OK;
    const int longest = tensor_channels(other ? other : t);
    if (longest < 1) return node_refuse(n, i, "should have at least one date");
    TRY(input_wanted(n, i, ELEMENT_FLOAT, SHAPE(channels, longest), "one a channel and date"));
    TRY(node_needs_transposed(n, i));
done:
    return rc;
}

static int sequence_norm_shape(node *n)
{
    int rc = OK;
    const int frames = tensor_rows(n->in[X]), channels = tensor_channels(n->in[X]);
    TRY(matrix_wanted(n, X, "frames x channels"));
    TRY(offsets_wanted(n, OFFSETS));
    TRY(parameter_wanted(n, WEIGHT, channels));
    TRY(parameter_wanted(n, BIAS, channels));
    TRY(positions_wanted(n, TABLE, frames, channels));
    node_keep_input(n, X);
    node_keep_input(n, OFFSETS);
    TRY(node_output(n, ELEMENT_FLOAT, n->in[X]->shape));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(sequence_count(n, OFFSETS), 2)));
done:
    return rc;
}

/* The transposed copy and its line length, for whichever of weight and bias is there. */
static buffer *transposed(const node *n, int i)
{
    return n->in[i] ? parameter_transposed(n->in[i]) : NULL;
}

static const tensor *either(const node *n)
{
    return n->in[WEIGHT] ? n->in[WEIGHT] : n->in[BIAS];
}

static int line_length(const node *n)
{
    return either(n) ? transposed_stride(either(n)) : 0;
}

static int longest_of(const node *n)
{
    return either(n) ? tensor_channels(either(n)) : 1;
}

static int sequence_norm_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(r->device, TEAM_OF, tensor_channels(n->in[X]));
    const double values = (double)tensor_count(n->in[X]);
    const tensor *table = n->in[TABLE];
    TRY(team_kernel(r->device, f, "sequence_norm", "", "sequence_norm", &k));
    TRY(LAUNCH(k, (size_t)sequence_count(n, OFFSETS), 1, 1, (size_t)f.lanes, ((cost){8 * values, 8 * values}),
               arg_buffer(n->in[X]->data), arg_buffer(n->in[OFFSETS]->data), arg_buffer(transposed(n, WEIGHT)),
               arg_buffer(transposed(n, BIAS)), arg_int(line_length(n)), arg_int(longest_of(n)),
               arg_buffer(table ? table->data : NULL), arg_buffer(table ? n->in[POSITIONS]->data : NULL),
               arg_int(table ? tensor_rows(table) : 0), arg_buffer(n->out[0]->data),
               arg_buffer(n->training ? n->saved[0]->data : NULL), arg_int(tensor_channels(n->in[X]))));
done:
    return rc;
}

static buffer *gradient_of(const node *n, int i)
{
    return n->in[i] && n->in[i]->wants_gradient ? n->in[i]->gradient : NULL;
}

static int parameters_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(r->device, TEAM_OF, tensor_channels(n->in[X]));
    const int channels = tensor_channels(n->in[X]), sequences = sequence_count(n, OFFSETS);
    const double values = (double)tensor_count(n->in[X]);
    TRY(team_kernel(r->device, f, "sequence_norm", "", "sequence_norm_parameters", &k));
    TRY(LAUNCH(k, team_groups(channels, HELD * f.width * f.lanes), (size_t)longest_of(n), 1, (size_t)f.lanes,
               ((cost){4 * values, 8 * values}), arg_buffer(n->in[X]->data), arg_buffer(n->in[OFFSETS]->data),
               arg_int(sequences), arg_buffer(n->out[0]->gradient), arg_buffer(n->saved[0]->data),
               arg_buffer(gradient_of(n, WEIGHT)), arg_buffer(gradient_of(n, BIAS)), arg_int(channels),
               arg_int(n->accumulate[WEIGHT]), arg_int(n->accumulate[BIAS])));
done:
    return rc;
}

static int sequence_norm_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(r->device, TEAM_OF, tensor_channels(n->in[X]));
    const double values = (double)tensor_count(n->in[X]);
    if (gradient_of(n, WEIGHT) || gradient_of(n, BIAS)) TRY(parameters_backward(n, r));
    if (!n->in[X]->wants_gradient) return OK;
    TRY(team_kernel(r->device, f, "sequence_norm", "", "sequence_norm_backward", &k));
    TRY(LAUNCH(k, (size_t)sequence_count(n, OFFSETS), 1, 1, (size_t)f.lanes, ((cost){12 * values, 12 * values}),
               arg_buffer(n->in[X]->data), arg_buffer(n->in[OFFSETS]->data), arg_buffer(transposed(n, WEIGHT)),
               arg_int(line_length(n)), arg_int(longest_of(n)), arg_buffer(n->out[0]->gradient),
               arg_buffer(n->saved[0]->data), arg_buffer(n->in[X]->gradient), arg_int(tensor_channels(n->in[X])),
               arg_int(n->accumulate[X])));
done:
    return rc;
}

static const op_def sequence_norm_def = {"sequence_norm", sequence_norm_shape, sequence_norm_forward,
                                         sequence_norm_backward, NULL};

tensor *sequence_norm(net *n, tensor *x, tensor *offsets, tensor *weight, tensor *bias, position_rows positions)
{
    tensor *const in[INPUTS] = {x, offsets, weight, bias, positions.table, positions.positions};
    node *recorded = net_record(n, &sequence_norm_def, in, INPUTS, OFFSETS + 1, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
