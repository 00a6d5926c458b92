/* Blocks of convolution, norm and ReLU that the image networks share, under the published names (Garnot and Landrieu,
 * Panoptic Segmentation of Satellite Image Time Series with Convolutional Temporal Attention Networks, ICCV 2021).
 * Results are mostly pending (op/image.h): the norm is applied where they are read. */
#ifndef FURROW_LAYER_CONV_BLOCK_H
#define FURROW_LAYER_CONV_BLOCK_H

#include "base/schema.h"
#include "net/net.h"
#include "op/image.h"

typedef struct conv_settings {
    enum image_norm_kind norm;
    enum padding_mode padding;
    int stride_kernel, stride, stride_padding; /* of the convolutions that change the resolution */
    bool exact;                                /* no Winograd */
} conv_settings;

enum { CONV_GROUPS = 4 /* of NORM_GROUP, as published */ };

/* "group", "batch" or "instance"; "reflect" or "zeros": as the published constructors name them. */
enum image_norm_kind image_norm_named(const char *name);
enum padding_mode padding_named(const char *name);

/* PREFIX.conv.{0, 3, ...}: 3 x 3 convolutions to widths[1], widths[2], ..., each with its norm (PREFIX.conv.{1, 4, ..})
 * and ReLU. The first one's output may be computed twice to save memory, when recompute. -> pending */
tensor *conv_layer(net *n, const char *prefix, tensor *x, const int *widths, int count, const conv_settings *s,
                   bool recompute);

/* The same without the ReLU behind the last norm. */
tensor *conv_layer_linear(net *n, const char *prefix, tensor *x, const int *widths, int count, const conv_settings *s);

/* Makes the parameters of a conv_layer that is not used. */
void conv_layer_parameters(net *n, const char *prefix, const int *widths, int count, const conv_settings *s);

/* Half the resolution: PREFIX.down (strided), then PREFIX.conv1 to `outputs`, then + PREFIX.conv2. -> not pending */
tensor *down_block(net *n, const char *prefix, tensor *x, int outputs, const conv_settings *s);

/* Twice the resolution: PREFIX.up (transposed convolution), PREFIX.skip_conv (1 x 1) on the skip, both side by side
 * through PREFIX.conv1 to `outputs`, then + PREFIX.conv2; norm: s->norm, but always batch norm after up and skip_conv.
 * skip [patches x H x W x C], not pending. -> not pending */
tensor *up_block(net *n, const char *prefix, tensor *x, tensor *skip, int outputs, const conv_settings *s);

#endif
