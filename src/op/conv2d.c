/* Convolution, channels last: y = weight * x + bias (cross-correlation, as torch.nn.Conv2d).
 * x [F x H x W x K] (may be pending), weight [N x K x kernel x kernel], bias [N] optional -> y [F x OH x OW x N], and,
 * where a norm follows, the moments of y as a second output, written by the same kernel.
 *
 *   dx = the transposed convolution of dy (with padding by reflection, the ring around the image folded back);
 *   dweight = sum over pixels of dy x; dbias = sum of dy.
 *
 * dy is the gradient of y and dx that of x's value, norm applied: only the weight gradient sees the norm of x.
 * Launches: forward 2; backward 2 for dx (and at most 9 small ones for the ring), 2 for dweight and dbias. */
#include "op/conv_node.h"

static const op_def conv2d_def = {
    .name = "conv2d", .shape = conv_node_shape, .forward = conv_node_forward, .backward = conv_node_backward};

tensor *conv2d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options)
{
    return conv_node_record(n, &conv2d_def, x, weight, bias, options, (conv_series){0}, false);
}
