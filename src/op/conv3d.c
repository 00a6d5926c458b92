/* Convolution of series in three dimensions: y = weight * x + bias (as torch.nn.Conv3d, torch.nn.ConvTranspose3d).
 *
 * A convolution along the dates too is one of images whose inputs are the channels of neighbouring frames: three taps
 * along the dates are three times the inputs, and frames beyond the ends of a series are zeros. So these nodes are those
 * of conv2d and conv_transpose2d, and their kernels the same (conv.h, conv_dates).
 *
 * Of a transposed convolution of stride s, every s-th date of y meets the same taps: s calls, each with the taps that are
 * not zeros. Launches: forward 2 (transposed 2 s); backward 2 for dx, 2 for dweight, 2 for dbias. */
#include "op/conv_node.h"

static const op_def conv3d_def = {
    .name = "conv3d", .shape = conv_node_shape, .forward = conv_node_forward, .backward = conv_node_backward};

tensor *conv3d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options, int dates, int date_padding)
{
    const conv_series series = {dates > 0 ? dates : -1, date_padding};
    return conv_node_record(n, &conv3d_def, x, weight, bias, options, series, false);
}

static const op_def conv_transpose3d_def = {
    .name = "conv_transpose3d", .shape = conv_node_shape, .forward = conv_node_forward, .backward = conv_node_backward};

tensor *conv_transpose3d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options, int dates)
{
    const conv_series series = {dates > 0 ? dates : -1, options.padding};
    return conv_node_record(n, &conv_transpose3d_def, x, weight, bias, options, series, true);
}
