/* The mask network's backward; names and formulas of the layers in mask_cnn.c, convT being conv's transpose:
 *   d2 = convT(dy, W3) where a2 > 0;  dn = convT(d2, W2) where a1 > 0;  g = w dn
 *   dh = (g - mean(g) - n mean(g n)) / sqrt(var + 1e-5), means over the crop's pixels x channels;  dx = convT(dh, W1)
 * and each weight's gradient is the sum over pixels of what it multiplies times the gradient of what it makes.
 *
 * The means need every tile of a crop before dh is known in one. But dh enters dx and W1's gradient linearly: the first
 * launch passes g on alone, tile by tile with the layers made again, and sums what the means are made of; the second takes
 * off what the means' part gives. So no map of channels is ever stored. Parameters: a record of sums a group, added in
 * order, then handed out in their own layouts. */
#include "base/error.h"
#include "op/mask_cnn.h"
#include "op/team.h"

enum { PACKED, RECORDS, TOTAL, SPREAD, SUMS /* work_back */ };
enum { EACH = 256 /* floats of a record a group */ };

static buffer *gradient_of(const tensor *t)
{
    return t->wants_gradient ? t->gradient : NULL;
}

static bool trained(const node *n)
{
    for (int i = MASK_WEIGHT1; i < MASK_INPUTS; i++)
        if (n->in[i]->wants_gradient) return true;
    return false;
}

/* What the crops' means have no part in; and what these are made of. */
static int gradient_without_means(node *n, device *d, const mask_plan *p)
{
    int rc = OK;
    kernel *k = NULL;
    const double layers = p->layers[0].flops + p->layers[1].flops + p->layers[2].flops;
    TRY(mask_kernel(d, p, "mask_cnn_gradient", "mask_cnn_gradient", &k));
    TRY(LAUNCH(k, (size_t)p->groups, 1, 1, (size_t)p->lanes, ((cost){3 * layers, 12.0 * p->values}),
               arg_buffer(n->in[MASK_X]->data), arg_buffer(n->out[0]->gradient), arg_buffer(n->in[MASK_CROPS]->data),
               arg_int(p->crops), arg_buffer(n->work_back[PACKED]->data), arg_buffer(n->saved[0]->data),
               arg_buffer(n->work_back[RECORDS]->data), arg_buffer(n->work_back[SPREAD]->data),
               arg_buffer(n->work_back[SUMS]->data), arg_int(p->side), arg_int(trained(n)),
               arg_local(mask_scratch(p, 2, 2, (MASK_TAPS + 1) * p->padded))));
done:
    return rc;
}

static int means_taken_off(node *n, device *d, const mask_plan *p)
{
    int rc = OK;
    kernel *k = NULL;
    TRY(mask_kernel(d, p, "mask_cnn_gradient", "mask_cnn_finish", &k));
    TRY(LAUNCH(k, (size_t)p->groups, 1, 1, (size_t)p->lanes, ((cost){3 * p->layers[0].flops, 12.0 * p->values}),
               arg_buffer(n->in[MASK_X]->data), arg_buffer(n->in[MASK_CROPS]->data), arg_int(p->crops),
               arg_buffer(n->work_back[PACKED]->data), arg_buffer(n->saved[0]->data),
               arg_buffer(n->work_back[SUMS]->data), arg_buffer(n->work_back[SPREAD]->data),
               arg_buffer(n->work_back[RECORDS]->data), arg_buffer(gradient_of(n->in[MASK_X])), arg_int(p->side),
               arg_int(n->accumulate[MASK_X]), arg_local(mask_scratch(p, 1, 1, 0))));
done:
    return rc;
}

static int parameters_summed(node *n, device *d, const mask_plan *p)
{
    int rc = OK, accumulate = 0;
    kernel *k = NULL;
    buffer *total = n->work_back[TOTAL]->data, *to[MASK_INPUTS];
    for (int i = MASK_WEIGHT1; i < MASK_INPUTS; i++) {
        to[i] = gradient_of(n->in[i]);
        accumulate |= (int)n->accumulate[i] << (i - MASK_WEIGHT1);
    }
    TRY(sum_parts(d, n->work_back[RECORDS]->data, p->groups, p->record, 0, p->record, total, false));
    TRY(mask_kernel(d, p, "mask_cnn_gradient", "mask_cnn_hand_out", &k));
    TRY(LAUNCH(k, team_groups(p->record, EACH), 1, 1, (size_t)p->lanes, ((cost){p->record, 8.0 * p->record}),
               arg_buffer(total), arg_buffer(to[MASK_WEIGHT1]), arg_buffer(to[MASK_BIAS1]),
               arg_buffer(to[MASK_NORM_WEIGHT]), arg_buffer(to[MASK_NORM_BIAS]), arg_buffer(to[MASK_WEIGHT2]),
               arg_buffer(to[MASK_BIAS2]), arg_buffer(to[MASK_WEIGHT3]), arg_buffer(to[MASK_BIAS3]),
               arg_int(accumulate), arg_int(EACH)));
done:
    return rc;
}

int mask_cnn_backward(node *n, const run *r)
{
    int rc = OK;
    const mask_plan p = mask_plan_of(n, r->device);
    TRY(mask_pack(n, r->device, &p, n->work_back[PACKED]->data));
    TRY(gradient_without_means(n, r->device, &p));
    TRY(means_taken_off(n, r->device, &p));
    if (trained(n)) TRY(parameters_summed(n, r->device, &p));
done:
    return rc;
}
