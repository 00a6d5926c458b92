/* Transposed convolution with zero padding (as torch.nn.ConvTranspose2d): what a convolution of that weight, stride and
 * padding has for a data gradient.
 * x [F x H x W x K] (may be pending), weight [K x N x kernel x kernel], bias [N] optional -> y [F x OH x OW x N],
 * OH = (H - 1) stride - 2 padding + kernel, and moments of y as in conv2d.c.
 *
 *   dx = weight convolved with dy;  dweight: the weight gradient of that convolution, x and dy having changed places;
 *   dbias = sum of dy.
 *
 * Launches: forward 2; backward 2 for dx, 2 for dweight, 2 for dbias. */
#include "op/conv_node.h"

static const op_def conv_transpose2d_def = {
    .name = "conv_transpose2d", .shape = conv_node_shape, .forward = conv_node_forward, .backward = conv_node_backward};

tensor *conv_transpose2d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options)
{
    return conv_node_record(n, &conv_transpose2d_def, x, weight, bias, options, (conv_series){0}, true);
}
