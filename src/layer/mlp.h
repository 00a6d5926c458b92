/* Chains of linear layers as the published code names them: torch.nn.Sequential of Linear, BatchNorm1d, ReLU. */
#ifndef FURROW_LAYER_MLP_H
#define FURROW_LAYER_MLP_H

#include "base/schema.h"
#include "net/net.h"

/* Weights start as the published weight_init leaves them: linear xavier normal with normal(0, 1) biases; batch norm
 * weights normal(0, 1), biases 0. */
norm_parameters batch_norm_parameters(net *n, const char *prefix, int channels);
tensor *linear_weight(net *n, const char *prefix, int outputs, int inputs);
tensor *linear_bias(net *n, const char *prefix, int outputs);

/* PREFIX.weight, PREFIX.bias */
tensor *linear_layer(net *n, const char *prefix, tensor *x, int outputs);

/* PREFIX.weight and .bias [channels], starting at 1 and 0 */
tensor *layer_norm_layer(net *n, const char *prefix, tensor *x, position_rows positions);

/* widths [in, ..., out]: PREFIX.{0, 3, ..} linear, PREFIX.{1, 4, ..} batch norm, ReLU; without the last ReLU unless
 * relu_last (MLP2 ends in its norm, MLP3 in a ReLU). One width: x itself. */
tensor *mlp(net *n, const char *prefix, tensor *x, const int_list *widths, bool relu_last);

/* The classifier: as mlp, but the last layer is linear alone. */
tensor *decoder(net *n, const char *prefix, tensor *x, const int_list *widths);

#endif
