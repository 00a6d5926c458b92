/* y = x + table[position of the row]: see image.h. The table takes no gradient; x's is y's own, in its place where the
 * plan could lay it there. */
#include "base/error.h"
#include "op/image.h"
#include "op/team.h"

enum { X, TABLE, POSITIONS, INPUTS };
enum { TEAM_OF = 16, ROWS_EACH = 16 /* a group's */ };

static int add_positions_shape(node *n)
{
    int rc = OK;
    TRY(matrix_wanted(n, X, "rows x channels"));
    TRY(settled_wanted(n, X));
    TRY(positions_wanted(n, TABLE, tensor_rows(n->in[X]), tensor_channels(n->in[X])));
    TRY(node_output(n, ELEMENT_FLOAT, n->in[X]->shape));
    node_share_gradient(n, X, 0);
done:
    return rc;
}

/* y = x + lines of the table, or, without one, y (+)= x */
static int add_rows(node *n, const run *r, buffer *x, bool placed, buffer *y, bool accumulate)
{
    int rc = OK;
    kernel *k = NULL;
    const int rows = tensor_rows(n->in[X]), channels = tensor_channels(n->in[X]);
    const double values = (double)rows * channels;
    const team_form f = team_form_of(r->device, TEAM_OF, channels);
    TRY(team_kernel(r->device, f, "add_positions", "", "add_positions", &k));
    TRY(LAUNCH(k, team_groups(rows, ROWS_EACH), 1, 1, (size_t)f.lanes, ((cost){values, 8 * values}), arg_buffer(x),
               arg_buffer(placed ? n->in[TABLE]->data : NULL), arg_buffer(placed ? n->in[POSITIONS]->data : NULL),
               arg_int(tensor_rows(n->in[TABLE])), arg_buffer(y), arg_int(rows), arg_int(channels), arg_int(ROWS_EACH),
               arg_int(accumulate)));
done:
    return rc;
}

static int add_positions_forward(node *n, const run *r)
{
    return add_rows(n, r, n->in[X]->data, true, n->out[0]->data, false);
}

static int add_positions_backward(node *n, const run *r)
{
    buffer *dx = n->in[X]->gradient, *dy = n->out[0]->gradient;
    if (!n->in[X]->wants_gradient || dx == dy) return OK;
    return add_rows(n, r, dy, false, dx, n->accumulate[X]);
}

static const op_def add_positions_def = {"add_positions", add_positions_shape, add_positions_forward,
                                         add_positions_backward, NULL};

tensor *add_positions(net *n, tensor *x, position_rows positions)
{
    tensor *const in[INPUTS] = {x, positions.table, positions.positions};
    node *recorded = net_record(n, &add_positions_def, in, INPUTS, INPUTS, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
