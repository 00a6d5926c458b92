/* Parts of U-Nets whose encoder sees each date by itself, under the published names. */
#ifndef FURROW_LAYER_UNET_H
#define FURROW_LAYER_UNET_H

#include "layer/conv_block.h"

/* in_conv and down_blocks.{0, 1, ..}: x [frames x H x W x bands] -> the coarsest image, settled; those before it, fine to
 * coarse, into skip. widths: channels at each resolution; first: the settings of in_conv. */
tensor *unet_encode(net *n, tensor *x, const int_list *widths, const conv_settings *first, const conv_settings *s,
                    tensor **skip);

/* out_conv: x [patches x H x W x C] through convolutions to `widths` -> logits, settled. */
tensor *unet_classify(net *n, tensor *x, const int_list *widths, const conv_settings *s);
/* Its parameters alone: published weights of a network that a head takes the features of hold them all the same. */
void unet_classify_parameters(net *n, int inputs, const int_list *widths, const conv_settings *s);

#endif
