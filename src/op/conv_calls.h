/* What a convolution's node computes, as calls of conv.h: forward, the data gradient and the weight gradient, of ordinary
 * and transposed convolutions in two and three dimensions. */
#ifndef FURROW_OP_CONV_CALLS_H
#define FURROW_OP_CONV_CALLS_H

#include "op/conv_node.h"

enum { CONV_X, CONV_WEIGHT, CONV_BIAS, CONV_INPUTS };
enum { CONV_Y, CONV_RECORDS }; /* outputs */

typedef struct conv_attributes {
    conv_options options;
    conv_series series;
    bool transposed;
    image_moments *moments; /* the node's own; NULL: not wanted */
} conv_attributes;

bool conv_is_3d(const node *n);
int conv_fine_along(int size, const conv_options *o); /* a transposed convolution's, in two dimensions */

/* How many calls lead from coarse to fine (`to_fine`), or to coarse: the phases of those below. */
int conv_phases(const node *n, bool to_fine);
conv_call conv_forward_call(const node *n, int phase); /* without y and what depends on it */
/* dy is the gradient of y and dx that of x's value, norm applied: dx knows nothing of x's norm. */
conv_call conv_data_gradient_call(const node *n, int phase);
conv_weight_call conv_weight_gradient_call(const node *n);

#endif
