/* What the nodes of convolutions share, ordinary and transposed, in two and three dimensions. A convolution leads from a
 * fine image to a coarse one; the transposed one of the same weight leads back. Each is the other's data gradient, and
 * their weight gradient is the same, so that a node is told by one word, which way is forward. */
#ifndef FURROW_OP_CONV_NODE_H
#define FURROW_OP_CONV_NODE_H

#include "op/conv.h"

/* An op_def's three functions; they do what the node's direction says. */
int conv_node_shape(node *n);
int conv_node_forward(node *n, const run *r);
int conv_node_backward(node *n, const run *r);

/* Three dimensions: x's frames are series of so many dates, padded along them by zeros. dates 0: two dimensions. */
typedef struct conv_series {
    int dates, padding;
} conv_series;

/* Records the node: x (may be pending), weight, bias (optional). `transposed`: from coarse to fine. Returns y. */
tensor *conv_node_record(net *n, const op_def *def, tensor *x, tensor *weight, tensor *bias, conv_options options,
                         conv_series series, bool transposed);

#endif
