/* The layers that PaPs applies to a centre: their parameters, under the published keys, and what they compute. */
#ifndef FURROW_MODEL_PAPS_LAYERS_H
#define FURROW_MODEL_PAPS_LAYERS_H

#include "model/paps.h"
#include "op/panoptic.h"

/* x [centres x stack], the centres' features; NULL: makes the parameters alone, and gives NULL. */
tensor *paps_size_mlp(net *n, tensor *x, int stack);               /* [centres x 2], before the softplus */
tensor *paps_class_mlp(net *n, tensor *x, int stack, int classes); /* [centres x classes] logits */
tensor *paps_shape_mlp(net *n, tensor *x, int stack, int side);    /* [centres x side^2] */

/* Of the CNN that refines masks; convolutions start as the published weight_init leaves them. */
mask_network paps_mask_parameters(net *n);

/* All of these, and the stored confidence: they must exist before a branch is recorded. */
void paps_parameters(net *n, const paps_config *c, int stack);

#endif
