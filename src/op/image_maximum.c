/* The largest value of each channel of an image, at all of its pixels; see image.h. Backward: the sum of dy, at the first
 * pixel that has it. Saved: which that is. */
#include "base/error.h"
#include "op/image.h"
#include "op/image_part.h"
#include "op/team.h"

enum { WHERE, TEAM_OF = 16, PIXELS_EACH = 256 /* of a group, spreading */ };

static int pixels_of(const tensor *x)
{
    return x->shape.size[1] * x->shape.size[2];
}

static int image_maximum_shape(node *n)
{
    int rc = OK;
    TRY(image_wanted(n, 0));
    TRY(settled_wanted(n, 0));
    const shape places = SHAPE(n->in[0]->shape.size[0], tensor_channels(n->in[0]));
    TRY(node_output(n, ELEMENT_FLOAT, n->in[0]->shape));
    TRY(n->training ? node_save(n, ELEMENT_INT, places) : node_work(n, ELEMENT_INT, places));
done:
    return rc;
}

/* Groups over the channels. */
static size_t chunks(const node *n, team_form f)
{
    return team_groups(tensor_channels(n->in[0]), f.width * f.team);
}

static cost cost_of(const node *n)
{
    const double values = (double)tensor_count(n->in[0]);
    return (cost){values, 4 * values};
}

static int image_maximum_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *x = n->in[0];
    const int channels = tensor_channels(x), pixels = pixels_of(x);
    const size_t frames = (size_t)x->shape.size[0];
    const team_form f = team_form_of(r->device, TEAM_OF, channels);
    buffer *where = n->training ? n->saved[WHERE]->data : n->work[WHERE]->data;
    TRY(team_kernel(r->device, f, "image_maximum", "", "maximum_find", &k));
    TRY(LAUNCH(k, chunks(n, f), frames, 1, (size_t)f.lanes, cost_of(n), arg_buffer(x->data), arg_buffer(where),
               arg_int(pixels), arg_int(channels)));
    TRY(team_kernel(r->device, f, "image_maximum", "", "maximum_spread", &k));
    TRY(LAUNCH(k, team_groups(pixels, PIXELS_EACH), frames, 1, (size_t)f.lanes, cost_of(n), arg_buffer(x->data),
               arg_buffer(where), arg_buffer(n->out[0]->data), arg_int(pixels), arg_int(channels),
               arg_int(PIXELS_EACH)));
done:
    return rc;
}

static int image_maximum_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *x = n->in[0];
    const team_form f = team_form_of(r->device, TEAM_OF, tensor_channels(x));
    if (!x->wants_gradient) return OK;
    if (!n->accumulate[0]) TRY(buffer_fill(x->gradient, 0, 0, tensor_count(x) * sizeof(float)));
    TRY(team_kernel(r->device, f, "image_maximum", "", "maximum_backward", &k));
    TRY(LAUNCH(k, chunks(n, f), (size_t)x->shape.size[0], 1, (size_t)f.lanes, cost_of(n),
               arg_buffer(n->out[0]->gradient), arg_buffer(n->saved[WHERE]->data), arg_buffer(x->gradient),
               arg_int(pixels_of(x)), arg_int(tensor_channels(x))));
done:
    return rc;
}

static const op_def image_maximum_def = {.name = "image_maximum",
                                         .shape = image_maximum_shape,
                                         .forward = image_maximum_forward,
                                         .backward = image_maximum_backward};

tensor *image_maximum(net *n, tensor *x)
{
    node *added = net_record(n, &image_maximum_def, &x, 1, 1, NULL, 0);
    return added ? added->out[0] : NULL;
}
