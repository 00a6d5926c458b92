/* The mean of each sequence's frames: y [sequences x C] from x [frames x C]; dx = dy / dates for every date. */
#include "base/error.h"
#include "op/op.h"
#include "op/team.h"

enum { X, OFFSETS, INPUTS };
enum { TEAM_OF = 64 };

static int sequence_mean_shape(node *n)
{
    int rc = OK;
    TRY(matrix_wanted(n, X, "frames x channels"));
    TRY(offsets_wanted(n, OFFSETS));
    node_keep_input(n, OFFSETS);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(sequence_count(n, OFFSETS), tensor_channels(n->in[X]))));
done:
    return rc;
}

static int sequence_mean_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(r->device, TEAM_OF, tensor_channels(n->in[X]));
    const double values = (double)tensor_count(n->in[X]);
    TRY(team_kernel(r->device, f, "sequence_mean", "", "sequence_mean", &k));
    TRY(LAUNCH(k, (size_t)tensor_rows(n->out[0]), 1, 1, (size_t)f.lanes, ((cost){values, 4 * values}),
               arg_buffer(n->in[X]->data), arg_buffer(n->in[OFFSETS]->data), arg_buffer(n->out[0]->data),
               arg_int(tensor_channels(n->in[X]))));
done:
    return rc;
}

static int sequence_mean_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(r->device, TEAM_OF, tensor_channels(n->in[X]));
    const double values = (double)tensor_count(n->in[X]);
    if (!n->in[X]->wants_gradient) return OK;
    TRY(team_kernel(r->device, f, "sequence_mean", "", "sequence_mean_backward", &k));
    TRY(LAUNCH(k, (size_t)tensor_rows(n->out[0]), 1, 1, (size_t)f.lanes, ((cost){values, 4 * values}),
               arg_buffer(n->out[0]->gradient), arg_buffer(n->in[OFFSETS]->data), arg_buffer(n->in[X]->gradient),
               arg_int(tensor_channels(n->in[X])), arg_int(n->accumulate[X])));
done:
    return rc;
}

static const op_def sequence_mean_def = {"sequence_mean", sequence_mean_shape, sequence_mean_forward,
                                         sequence_mean_backward, NULL};

tensor *sequence_mean(net *n, tensor *x, tensor *offsets)
{
    tensor *const in[INPUTS] = {x, offsets};
    node *recorded = net_record(n, &sequence_mean_def, in, INPUTS, INPUTS, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
