/* Images as interlaced smaller ones and back, so that a dilated convolution is an ordinary one between the two; see
 * image.h. Each is the transpose of a copy, so each other's gradient. */
#include "base/error.h"
#include "op/image.h"
#include "op/image_part.h"
#include "op/team.h"

enum { TEAM_OF = 16 };

typedef struct attributes {
    int step, margin;
    int height, width; /* image_unphases: of the whole image */
} attributes;

static int up(int a, int b)
{
    return a / b + (a % b != 0);
}

/* The image on either side. */
typedef struct sides {
    int frames, height, width, channels; /* whole */
    int rows, columns;                   /* of a phase, margins included */
} sides;

static sides sides_of(const attributes *a, const tensor *whole)
{
    const int *s = whole->shape.size;
    return (sides){s[0], s[1], s[2], s[3], up(s[1], a->step) + 2 * a->margin, up(s[2], a->step) + 2 * a->margin};
}

static cost copy_cost(const sides *s, int step)
{
    const double phases = (double)s->rows * s->columns * step * step, pixels = (double)s->height * s->width;
    return (cost){0, 4 * (phases + pixels) * s->frames * s->channels};
}

static int to_phases(device *d, const attributes *a, sides s, buffer *whole, buffer *phases, bool accumulate)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(d, TEAM_OF, s.channels);
    TRY(team_kernel(d, f, "image_phases", "", "to_phases", &k));
    TRY(LAUNCH(k, (size_t)s.rows, (size_t)(s.frames * a->step * a->step), 1, (size_t)f.lanes, copy_cost(&s, a->step),
               arg_buffer(whole), arg_buffer(phases), arg_int(s.height), arg_int(s.width), arg_int(s.channels),
               arg_int(a->step), arg_int(a->margin), arg_int(s.columns), arg_int(accumulate)));
done:
    return rc;
}

static int from_phases(device *d, const attributes *a, sides s, buffer *phases, buffer *whole, bool accumulate)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(d, TEAM_OF, s.channels);
    TRY(team_kernel(d, f, "image_phases", "", "from_phases", &k));
    TRY(LAUNCH(k, (size_t)s.height, (size_t)s.frames, 1, (size_t)f.lanes, copy_cost(&s, a->step), arg_buffer(phases),
               arg_buffer(whole), arg_int(s.height), arg_int(s.width), arg_int(s.channels), arg_int(a->step),
               arg_int(a->margin), arg_int(s.rows), arg_int(s.columns), arg_int(accumulate)));
done:
    return rc;
}

/* ---- image_phases ------------------------------------------------------------------------------------------------ */

static int image_phases_shape(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    TRY(image_wanted(n, 0));
    TRY(settled_wanted(n, 0));
    const sides s = sides_of(a, n->in[0]);
    const int reach = a->margin * a->step;
    if (reach >= s.height || reach >= s.width)
        return node_refuse(n, 0, "cannot be continued by %d: reflection needs less than its height and width", reach);
    if (s.frames > INT32_MAX / (a->step * a->step)) return node_refuse(n, 0, "has too many frames");
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(s.frames * a->step * a->step, s.rows, s.columns, s.channels)));
done:
    return rc;
}

static int image_phases_forward(node *n, const run *r)
{
    const attributes *a = n->attributes;
    return to_phases(r->device, a, sides_of(a, n->in[0]), n->in[0]->data, n->out[0]->data, false);
}

static int image_phases_backward(node *n, const run *r)
{
    const attributes *a = n->attributes;
    if (!n->in[0]->wants_gradient) return OK;
    return from_phases(r->device, a, sides_of(a, n->in[0]), n->out[0]->gradient, n->in[0]->gradient, n->accumulate[0]);
}

static const op_def image_phases_def = {.name = "image_phases",
                                        .shape = image_phases_shape,
                                        .forward = image_phases_forward,
                                        .backward = image_phases_backward};

static tensor *record(net *n, const op_def *def, tensor *x, attributes a)
{
    node *added = net_record(n, def, &x, 1, 1, &a, sizeof a);
    return added ? added->out[0] : NULL;
}

tensor *image_phases(net *n, tensor *x, int step, int margin)
{
    return record(n, &image_phases_def, x, (attributes){.step = step, .margin = margin});
}

/* ---- image_unphases ---------------------------------------------------------------------------------------------- */

static int image_unphases_shape(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    TRY(image_wanted(n, 0));
    TRY(settled_wanted(n, 0));
    const int *size = n->in[0]->shape.size, phases = a->step * a->step;
    if (size[0] % phases || size[1] != up(a->height, a->step) || size[2] != up(a->width, a->step))
        return node_refuse(n, 0, "is not the phases of images of %d x %d, step %d", a->height, a->width, a->step);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(size[0] / phases, a->height, a->width, size[3])));
done:
    return rc;
}

static int image_unphases_forward(node *n, const run *r)
{
    const attributes *a = n->attributes;
    return from_phases(r->device, a, sides_of(a, n->out[0]), n->in[0]->data, n->out[0]->data, false);
}

static int image_unphases_backward(node *n, const run *r)
{
    const attributes *a = n->attributes;
    if (!n->in[0]->wants_gradient) return OK;
    return to_phases(r->device, a, sides_of(a, n->out[0]), n->out[0]->gradient, n->in[0]->gradient, n->accumulate[0]);
}

static const op_def image_unphases_def = {.name = "image_unphases",
                                          .shape = image_unphases_shape,
                                          .forward = image_unphases_forward,
                                          .backward = image_unphases_backward};

tensor *image_unphases(net *n, tensor *x, int step, int height, int width)
{
    return record(n, &image_unphases_def, x, (attributes){.step = step, .height = height, .width = width});
}
