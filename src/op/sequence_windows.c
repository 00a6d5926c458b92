/* Windows of a sequence's dates laid side by side, so that convolutions over dates, and layers over whole series, are
 * matrix products; see op.h. Backward adds up what each value was copied to. */
#include "base/error.h"
#include "op/op.h"
#include "op/team.h"

enum { X, OFFSETS, INPUTS };
enum { TEAM_OF = 64 };

typedef struct attributes {
    int width;
    bool every_date;
} attributes;

static int sequence_windows_shape(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    TRY(matrix_wanted(n, X, "frames x channels"));
    TRY(offsets_wanted(n, OFFSETS));
    const int channels = tensor_channels(n->in[X]);
    if (a->width < 1 || a->width > INT32_MAX / channels)
        return node_refuse(n, X, "in windows of %d dates, wanted 1 or more, of fewer than 2^31 values", a->width);
    node_keep_input(n, OFFSETS);
    TRY(node_output(n, ELEMENT_FLOAT,
                    SHAPE(a->every_date ? tensor_rows(n->in[X]) : sequence_count(n, OFFSETS), channels * a->width)));
done:
    return rc;
}

static cost copy_cost(const node *n)
{
    return (cost){0, 4.0 * (double)(tensor_count(n->in[X]) + tensor_count(n->out[0]))};
}

static int sequence_windows_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const attributes *a = n->attributes;
    const team_form f = team_form_of(r->device, TEAM_OF, 1);
    TRY(team_kernel(r->device, f, "sequence_windows", "", "sequence_windows", &k));
    TRY(LAUNCH(k, (size_t)sequence_count(n, OFFSETS), 1, 1, (size_t)f.lanes, copy_cost(n), arg_buffer(n->in[X]->data),
               arg_buffer(n->in[OFFSETS]->data), arg_buffer(n->out[0]->data), arg_int(tensor_channels(n->in[X])),
               arg_int(a->width), arg_int(a->every_date)));
done:
    return rc;
}

static int sequence_windows_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const attributes *a = n->attributes;
    const team_form f = team_form_of(r->device, TEAM_OF, 1);
    if (!n->in[X]->wants_gradient) return OK;
    TRY(team_kernel(r->device, f, "sequence_windows", "", "sequence_windows_backward", &k));
    TRY(LAUNCH(k, (size_t)sequence_count(n, OFFSETS), 1, 1, (size_t)f.lanes, copy_cost(n),
               arg_buffer(n->out[0]->gradient), arg_buffer(n->in[OFFSETS]->data), arg_buffer(n->in[X]->gradient),
               arg_int(tensor_channels(n->in[X])), arg_int(a->width), arg_int(a->every_date),
               arg_int(n->accumulate[X])));
done:
    return rc;
}

static const op_def sequence_windows_def = {"sequence_windows", sequence_windows_shape, sequence_windows_forward,
                                            sequence_windows_backward, NULL};

static tensor *record(net *n, tensor *x, tensor *offsets, attributes a)
{
    tensor *const in[INPUTS] = {x, offsets};
    node *added = net_record(n, &sequence_windows_def, in, INPUTS, INPUTS, &a, sizeof a);
    return added ? added->out[0] : NULL;
}

tensor *sequence_windows(net *n, tensor *x, tensor *offsets, int width)
{
    return record(n, x, offsets, (attributes){width, true});
}

tensor *sequence_flat(net *n, tensor *x, tensor *offsets, int dates)
{
    return record(n, x, offsets, (attributes){dates, false});
}
