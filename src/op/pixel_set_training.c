/* The pixel-set encoder's training form: five launches forward, five backward, all recomputing from x; the formulas are
 * in cl/pixel_set_training.clh. For two layers and poolings among mean and std. */
#include "op/pixel_set.h"

#include "base/error.h"
#include "op/team.h"

enum { SAVED_NORM_1, SAVED_NORM_2, SAVED_EXTRACT };
enum { WORK_PARTIAL };
enum { BACK_SLOPES, BACK_POOL_PARTIAL, BACK_TOTALS, BACK_PARTIAL, BACK_SUMS };
enum { NORM_LINES = 6, EXTRACT_LINES = 8 }; /* as in cl/pixel_set_training.clh */

/* Sizes that the launches need over and over. */
typedef struct plan {
    const pixel_set *p;
    pixel_form form;
    char options[PIXEL_OPTIONS_MAX];
    int frames, share, groups;
    int c0, c1, c2, row1, row2;
    int partial;                       /* columns of a group's partial gradients: PARTIAL in cl/pixel_set_gradient.cl */
    double pixels, product1, product2; /* FLOPs of the two layers' products */
} plan;

static plan plan_of(const node *n)
{
    const pixel_set *p = n->attributes;
    plan s = {.p = p, .c0 = p->widths[0], .c1 = p->widths[1], .c2 = p->widths[2]};
    const device *d = node_device(n);
    if (!pixel_form_of(d, true, p, &s.form)) panic("pixel_set_encoder: recorded though it has no form");
    pixel_options(p, &s.form, s.options);
    s.frames = n->in[PIXEL_X]->shape.size[0];
    s.share = pixel_share(d, s.frames);
    s.groups = (int)pixel_groups(s.frames, s.share);
    s.row1 = pixel_row(s.c1);
    s.row2 = pixel_row(s.c2);
    s.partial = s.c1 * s.row2 + 2 * s.c0 * s.row1 + 2 * s.row1 + pixel_row(s.c0);
    s.pixels = (double)s.frames * p->pixels;
    s.product1 = 2 * s.pixels * s.c0 * s.c1;
    s.product2 = 2 * s.pixels * s.c1 * s.c2;
    return s;
}

static tensor *layer_input(const node *n, int layer, int which)
{
    return n->in[PIXEL_LAYER + layer * LAYER_INPUTS + which];
}

int pixel_set_training_shape(node *n)
{
    int rc = OK;
    const plan s = plan_of(n);
    if (s.pixels < 2) return node_refuse(n, PIXEL_X, "should have at least 2 pixels: batch norm needs a variance");
    node_keep_input(n, PIXEL_X);
    node_keep_input(n, PIXEL_MASK);
    for (int i = 0; i < s.p->layers; i++) node_keep_input(n, PIXEL_LAYER + i * LAYER_INPUTS + LAYER_WEIGHT);
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(NORM_LINES, s.row1)));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(NORM_LINES, s.row2)));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(s.frames, EXTRACT_LINES, s.row2)));
    TRY(node_work(n, ELEMENT_FLOAT, SHAPE(s.groups, 2, s.row1 > s.row2 ? s.row1 : s.row2)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(s.frames, 2, s.row2)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(s.groups, 2, s.row2)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(2, s.row2)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(s.groups, s.partial)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(s.partial)));
done:
    return rc;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

static int statistics_1(node *n, const run *r, const plan *s)
{
    int rc = OK;
    kernel *k = NULL;
    const cost work = {s->product1 + 4 * s->pixels * s->c1, 4 * s->pixels * s->c0};
    TRY(kernel_get(r->device, "pixel_set_training", s->options, "pixel_statistics_1", &k));
    TRY(LAUNCH(k, (size_t)s->groups, 1, 1, (size_t)s->form.lanes, work, arg_buffer(n->in[PIXEL_X]->data),
               arg_buffer(parameter_transposed(layer_input(n, 0, LAYER_WEIGHT))),
               arg_buffer(n->work[WORK_PARTIAL]->data), arg_int(s->frames), arg_int(s->share)));
done:
    return rc;
}

static int statistics_2(node *n, const run *r, const plan *s)
{
    int rc = OK;
    kernel *k = NULL;
    const cost work = {s->product1 + s->product2 + 4 * s->pixels * s->c2, 4 * s->pixels * s->c0};
    TRY(kernel_get(r->device, "pixel_set_training", s->options, "pixel_statistics_2", &k));
    TRY(LAUNCH(k, (size_t)s->groups, 1, 1, (size_t)s->form.lanes, work, arg_buffer(n->in[PIXEL_X]->data),
               arg_buffer(parameter_transposed(layer_input(n, 0, LAYER_WEIGHT))),
               arg_buffer(n->saved[SAVED_NORM_1]->data),
               arg_buffer(parameter_transposed(layer_input(n, 1, LAYER_WEIGHT))),
               arg_buffer(n->work[WORK_PARTIAL]->data), arg_int(s->frames), arg_int(s->share)));
done:
    return rc;
}

static int finish_norm(node *n, const run *r, const plan *s, int layer)
{
    int rc = OK;
    kernel *k = NULL;
    const int row = layer ? s->row2 : s->row1, lanes = s->form.channel_lanes;
    TRY(kernel_get(r->device, "pixel_set_training", s->options, "finish_norm", &k));
    TRY(LAUNCH(k, (size_t)(row / lanes), 1, 1, (size_t)lanes, ((cost){8.0 * s->groups * row, 8.0 * s->groups * row}),
               arg_buffer(n->work[WORK_PARTIAL]->data), arg_int(s->groups), arg_int(s->frames), arg_int(s->share),
               arg_int(s->p->widths[layer + 1]), arg_buffer(layer_input(n, layer, LAYER_BIAS)->data),
               arg_buffer(layer_input(n, layer, LAYER_NORM_WEIGHT)->data),
               arg_buffer(layer_input(n, layer, LAYER_NORM_BIAS)->data),
               arg_buffer(layer_input(n, layer, LAYER_MEAN)->data),
               arg_buffer(layer_input(n, layer, LAYER_VARIANCE)->data),
               arg_buffer(n->saved[layer ? SAVED_NORM_2 : SAVED_NORM_1]->data)));
done:
    return rc;
}

static int pool(node *n, const run *r, const plan *s)
{
    int rc = OK;
    kernel *k = NULL;
    const tensor *extra = n->in[pixel_extra_index(s->p)];
    const cost work = {s->product1 + s->product2 + 24 * s->pixels * s->c2,
                       4 * s->pixels * s->c0 + 4.0 * s->frames * (s->p->width + EXTRACT_LINES * s->row2)};
    TRY(kernel_get(r->device, "pixel_set_training", s->options, "pixel_pool", &k));
    TRY(LAUNCH(
        k, (size_t)s->groups, 1, 1, (size_t)s->form.lanes, work, arg_buffer(n->in[PIXEL_X]->data),
        arg_buffer(n->in[PIXEL_MASK]->data), arg_buffer(extra ? extra->data : NULL),
        arg_buffer(parameter_transposed(layer_input(n, 0, LAYER_WEIGHT))), arg_buffer(n->saved[SAVED_NORM_1]->data),
        arg_buffer(parameter_transposed(layer_input(n, 1, LAYER_WEIGHT))), arg_buffer(n->saved[SAVED_NORM_2]->data),
        arg_buffer(n->out[0]->data), arg_buffer(n->saved[SAVED_EXTRACT]->data), arg_int(s->frames), arg_int(s->share)));
done:
    return rc;
}

int pixel_set_training_forward(node *n, const run *r)
{
    int rc = OK;
    const plan s = plan_of(n);
    TRY(statistics_1(n, r, &s));
    TRY(finish_norm(n, r, &s, 0));
    TRY(statistics_2(n, r, &s));
    TRY(finish_norm(n, r, &s, 1));
    TRY(pool(n, r, &s));
done:
    return rc;
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

static int pool_gradient(node *n, const run *r, const plan *s)
{
    int rc = OK;
    kernel *k = NULL;
    const double values = (double)s->frames * s->row2;
    TRY(kernel_get(r->device, "pixel_set_gradient", s->options, "pool_gradient", &k));
    TRY(LAUNCH(k, (size_t)s->groups, 1, 1, (size_t)s->form.lanes, ((cost){12 * values, 48 * values}),
               arg_buffer(n->saved[SAVED_EXTRACT]->data), arg_buffer(n->out[0]->gradient),
               arg_buffer(n->work_back[BACK_SLOPES]->data), arg_buffer(n->work_back[BACK_POOL_PARTIAL]->data),
               arg_int(s->frames), arg_int(s->share)));
    TRY(sum_parts(r->device, n->work_back[BACK_POOL_PARTIAL]->data, s->groups, 2 * s->row2, 0, 2 * s->row2,
                  n->work_back[BACK_TOTALS]->data, false));
done:
    return rc;
}

static int pixel_gradient(node *n, const run *r, const plan *s)
{
    int rc = OK;
    kernel *k = NULL;
    const cost work = {3 * (s->product1 + s->product2) + 16 * s->pixels * s->c2,
                       4 * s->pixels * s->c0 + 4.0 * s->groups * s->partial};
    TRY(kernel_get(r->device, "pixel_set_gradient", s->options, "pixel_gradient", &k));
    TRY(LAUNCH(k, (size_t)s->groups, 1, 1, (size_t)s->form.lanes, work, arg_buffer(n->in[PIXEL_X]->data),
               arg_buffer(n->in[PIXEL_MASK]->data), arg_buffer(parameter_transposed(layer_input(n, 0, LAYER_WEIGHT))),
               arg_buffer(n->saved[SAVED_NORM_1]->data),
               arg_buffer(parameter_transposed(layer_input(n, 1, LAYER_WEIGHT))),
               arg_buffer(layer_input(n, 1, LAYER_WEIGHT)->data), arg_buffer(n->saved[SAVED_NORM_2]->data),
               arg_buffer(n->saved[SAVED_EXTRACT]->data), arg_buffer(n->work_back[BACK_SLOPES]->data),
               arg_buffer(n->work_back[BACK_TOTALS]->data), arg_buffer(n->work_back[BACK_PARTIAL]->data),
               arg_int(s->frames), arg_int(s->share)));
    TRY(sum_parts(r->device, n->work_back[BACK_PARTIAL]->data, s->groups, s->partial, 0, s->partial,
                  n->work_back[BACK_SUMS]->data, false));
done:
    return rc;
}

static int finish_gradients(node *n, const run *r, const plan *s)
{
    int rc = OK;
    kernel *k = NULL;
    enum { GRADIENTS = 8, TRAINED = LAYER_MEAN /* of a layer's tensors the first four */ };
    argument a[GRADIENTS + 5] = {arg_buffer(n->work_back[BACK_SUMS]->data), arg_buffer(n->work_back[BACK_TOTALS]->data),
                                 arg_buffer(n->saved[SAVED_NORM_1]->data)};
    int count = 3, accumulate = 0;
    for (int i = 0; i < GRADIENTS; i++) {
        const int input = PIXEL_LAYER + i / TRAINED * LAYER_INPUTS + i % TRAINED;
        a[count++] = arg_buffer(n->in[input]->wants_gradient ? n->in[input]->gradient : NULL);
        if (n->accumulate[input]) accumulate |= 1 << i;
    }
    a[count++] = arg_int(s->frames);
    a[count++] = arg_int(accumulate);
    const size_t lanes = (size_t)s->form.channel_lanes, channels = (size_t)(s->c1 + s->c2);
    TRY(kernel_get(r->device, "pixel_set_gradient", s->options, "finish_gradients", &k));
    TRY(launch(k, (const size_t[3]){(channels + lanes - 1) / lanes, 1, 1}, (const size_t[3]){lanes, 1, 1},
               (cost){6.0 * s->partial, 8.0 * s->partial}, a, count));
done:
    return rc;
}

int pixel_set_training_backward(node *n, const run *r)
{
    int rc = OK;
    const plan s = plan_of(n);
    TRY(pool_gradient(n, r, &s));
    TRY(pixel_gradient(n, r, &s));
    TRY(finish_gradients(n, r, &s));
done:
    return rc;
}
